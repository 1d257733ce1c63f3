import CryptoKit
import Linnet
import XCTest

/// The bits of every other platform, and what the wrapper adds: owners, errors, resources.
final class LinnetTests: XCTestCase {
  /// SHA-256 of what the small model makes of `noise`, as little-endian floats.
  static let expected = "dc7a78d6de778681b1c0585b7c0664c6c3aab985e801e4302feabbb95de85717"

  /// Noise in bursts by integer arithmetic.
  static let noise: [Float] = {
    var value: UInt32 = 1
    return (0..<96000).map { index in
      value = value &* 1_664_525 &+ 1_013_904_223
      return index / 16000 % 2 == 0 ? Float(Int32(bitPattern: value) >> 16) / 131_072 : 0
    }
  }()

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

  func testErrorsSayWhatIsWrong() throws {
    XCTAssertThrowsError(try LinnetModel(data: Data(count: 4096))) { error in
      XCTAssertEqual((error as? LinnetError)?.status, -6)
    }
    let model = try LinnetModel.small()
    XCTAssertThrowsError(try LinnetStream(model: model, configuration: .init(sampleRate: 44100))) { error in
      XCTAssertTrue("\(error)".contains("44100 Hz"))
    }
    var odd = [Float](repeating: 0, count: 481)
    XCTAssertThrowsError(try LinnetStream(model: model).process(&odd))
    XCTAssertThrowsError(try LinnetStream(model: model).setAttenuationLimit(.nan))
  }
}
