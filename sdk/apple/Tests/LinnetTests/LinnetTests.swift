import CryptoKit
import Linnet
import XCTest

/// The bits of every other platform, and what the wrapper adds: owners, errors, resources.
final class LinnetTests: XCTestCase {
  /// SHA-256 of what the small model makes of `noise`, as little-endian floats.
  static let expected = "dc7a78d6de778681b1c0585b7c0664c6c3aab985e801e4302feabbb95de85717"
  /// The same of `stereo`.
  static let expectedStereo = "209778153ee9377e5ecb280343c6eff99d6e8f7985278b9c8775d4ca3a458643"

  /// Noise in bursts by integer arithmetic.
  static let noise: [Float] = {
    var value: UInt32 = 1
    return (0..<96000).map { index in
      value = value &* 1_664_525 &+ 1_013_904_223
      return index / 16000 % 2 == 0 ? Float(Int32(bitPattern: value) >> 16) / 131_072 : 0
    }
  }()

  /// Left and right in turn: the noise, and the noise from another sample on.
  static let stereo: [Float] = zip(noise, noise[1000...] + noise[..<1000]).flatMap { [$0, $1] }

  private func hash(_ samples: [Float]) -> String {
    let digest = samples.withUnsafeBytes { SHA256.hash(data: $0) }
    return digest.map { String(format: "%02x", $0) }.joined()
  }

  func testBits() throws {
    let stream = try LinnetStream(model: .small())
    var samples = Self.noise
    try stream.process(&samples)
    XCTAssertEqual(hash(samples), Self.expected, "on \(stream.backend)")
    XCTAssertEqual(stream.delay, 1440)
    XCTAssertEqual(stream.stats.frame, 200)
  }

  func testFramesInParts() throws {
    let stream = try LinnetStream(model: .small())
    var samples = Self.noise
    try samples.withUnsafeMutableBufferPointer { all in
      for at in stride(from: 0, to: all.count, by: 480) {
        let frame = UnsafeMutableBufferPointer(rebasing: all[at..<at + 480])
        try stream.process(UnsafeBufferPointer(frame), into: frame)
      }
    }
    XCTAssertEqual(hash(samples), Self.expected)
  }

  func testBitsOfTwoChannels() throws {
    let stream = try LinnetStream(model: .small(), configuration: .init(channels: 2))
    var samples = Self.stereo
    try stream.process(&samples)
    XCTAssertEqual(hash(samples), Self.expectedStereo, "on \(stream.backend)")
    XCTAssertEqual(stream.channels, 2)
    XCTAssertEqual(stream.delay, 1440)
    XCTAssertEqual(stream.stats.frame, 200)
  }

  func testAnArrayForEachChannel() throws {
    let stream = try LinnetStream(model: .small(), configuration: .init(channels: 2))
    var left = Self.noise
    var right = Array(Self.noise[1000...] + Self.noise[..<1000])
    try left.withUnsafeMutableBufferPointer { left in
      try right.withUnsafeMutableBufferPointer { right in
        let planes = [left.baseAddress!, right.baseAddress!]
        try stream.process(planar: planes, into: planes, samples: left.count)
      }
    }
    XCTAssertEqual(hash(zip(left, right).flatMap { [$0, $1] }), Self.expectedStereo)
  }

  func testConcealedSamplesOfTwoChannels() throws {
    let model = try LinnetModel.small()
    let ways = try (0..<2).map { _ in try LinnetStream(model: model, configuration: .init(channels: 2)) }
    for stream in ways {
      var samples = Array(Self.stereo[..<9600])
      try stream.process(&samples)
    }
    var interleaved = [Float](repeating: 0, count: 960)
    try interleaved.withUnsafeMutableBufferPointer { try ways[0].conceal(into: $0) }
    var left = [Float](repeating: 0, count: 480)
    var right = left
    try left.withUnsafeMutableBufferPointer { left in
      try right.withUnsafeMutableBufferPointer { right in
        try ways[1].conceal(planar: [left.baseAddress!, right.baseAddress!], samples: left.count)
      }
    }
    XCTAssertTrue(interleaved.contains { $0 != 0 })
    XCTAssertEqual(zip(left, right).flatMap { [$0, $1] }, interleaved)
  }

  func testBypassIsTheDelayedInput() throws {
    let stream = try LinnetStream(model: .small(), configuration: .init(anyBlock: true))
    try stream.setAttenuationLimit(0)
    var samples = Self.noise
    try stream.process(&samples)
    XCTAssertEqual(Array(samples[stream.delay...]), Array(Self.noise[..<(samples.count - stream.delay)]))
  }

  func testModelFromDataOutlivesIt() throws {
    var stream: LinnetStream?
    do {
      let model = try LinnetModel(data: Data(contentsOf: LinnetModel.smallURL))
      XCTAssertEqual(model.info.topology, "percepnet")
      stream = try LinnetStream(model: model)
    }
    var samples = Self.noise
    try stream!.process(&samples)
    XCTAssertEqual(hash(samples), Self.expected)
  }

  func testChoiceOfAModel() throws {
    func models(_ times: Double...) -> [LinnetModel.Candidate] {
      times.enumerated().map { LinnetModel.Candidate(quality: Double($0.offset), microseconds: $0.element) }
    }
    XCTAssertEqual(try LinnetModel.choose(models(100, 200, 400)), 2)
    XCTAssertEqual(try LinnetModel.choose(models(100, 200, 1001)), 1)
    XCTAssertEqual(try LinnetModel.choose(models(3000, 2000, 4000), budget: 0.4), 2)
    XCTAssertEqual(try LinnetModel.choose(models(100, 900), current: 0), 0)
    XCTAssertNil(try LinnetModel.choose(models(6000, 7000)))
    XCTAssertThrowsError(try LinnetModel.choose(models(100), budget: 0))
    XCTAssertThrowsError(try LinnetModel.choose([]))
  }

  func testErrorsSayWhatIsWrong() throws {
    XCTAssertThrowsError(try LinnetModel(data: Data(count: 4096))) { error in
      XCTAssertEqual((error as? LinnetError)?.status, -6)
      XCTAssertEqual(error.localizedDescription, "\(error)")
    }
    let model = try LinnetModel.small()
    for rate in [0, 44100] {
      XCTAssertThrowsError(try LinnetStream(model: model, configuration: .init(sampleRate: rate))) { error in
        XCTAssertTrue("\(error)".contains("a stream at \(rate) Hz"))
      }
    }
    for channels in [0, 9] {
      XCTAssertThrowsError(try LinnetStream(model: model, configuration: .init(channels: channels))) { error in
        XCTAssertTrue("\(error)".contains("\(channels) channels: give 1...8"))
      }
    }
    var odd = [Float](repeating: 0, count: 481)
    XCTAssertThrowsError(try LinnetStream(model: model).process(&odd))
    XCTAssertThrowsError(try LinnetStream(model: model).setAttenuationLimit(.nan))
  }
}
