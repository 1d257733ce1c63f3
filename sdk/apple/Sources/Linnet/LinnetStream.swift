import CLinnet

/// One enhanced signal, of 1 to 8 channels at 8 to 48 kHz, as linnet.h has it.
///
///     let model = try LinnetModel.small()  // once
///     let stream = try LinnetStream(model: model)  // for each signal
///     try stream.process(&samples)  // 10 ms, 480 samples in place; lags by stream.delay samples
///
/// `process`, `conceal`, `gap` and `reset` allocate nothing, take no lock and do not enter the operating system, unless
/// they throw. One thread at a time may call these; the controls, and what only asks, may be used from any thread.
/// Samples are full scale +-1, or 16 bits; the count is of whole frames, or any with `anyBlock` or `spread`.
///
/// Channels are interleaved, or planar as an AVAudioPCMBuffer has them. A number of samples is always that of each
/// channel; a buffer of interleaved ones holds so many values for each.
public final class LinnetStream: @unchecked Sendable {
  /// What a stream is made with.
  public struct Configuration: Sendable {
    /// In Hz: 8000, 16000, 24000, 32000 or 48000.
    public var sampleRate = 48000
    /// 1...8, of one signal, such as that of a stereo microphone. What is none belongs in streams of its own.
    public var channels = 1
    /// Any number of samples per call, one frame (10 ms) more delay.
    public var anyBlock = false
    /// That, with a frame's work divided over the calls of the next 10 ms: two frames more delay.
    public var spread = false

    public init(sampleRate: Int = 48000, channels: Int = 1, anyBlock: Bool = false, spread: Bool = false) {
      self.sampleRate = sampleRate
      self.channels = channels
      self.anyBlock = anyBlock
      self.spread = spread
    }
  }

  /// All of one frame.
  public struct Stats: Sendable {
    /// 0...1.
    public let speechProbability: Float
    /// The input's speech to noise ratio in dB, -30...60.
    public let inputSNR: Float
    /// 0...1, what is left of the bands' amplitudes.
    public let meanGain: Float
    /// In Hz; 0 if the model looks for none.
    public let pitch: Float
    /// Frames done since the stream was made or reset.
    public let frame: UInt64
  }

  /// The model of this stream.
  public let model: LinnetModel
  /// Number of channels.
  public let channels: Int
  private let handle: OpaquePointer

  public init(model: LinnetModel, configuration: Configuration = Configuration()) throws {
    guard (1...8).contains(configuration.channels) else {
      throw LinnetError("\(configuration.channels) channels: give 1...8, or make several streams", LINNET_ERR_ARGUMENT)
    }
    var config = linnet_config()
    config.size = MemoryLayout<linnet_config>.stride
    // C has its default for 0, which here is that of an audio engine without a microphone.
    config.sample_rate = configuration.sampleRate == 0 ? -1 : Int32(clamping: configuration.sampleRate)
    config.channels = Int32(configuration.channels)
    config.any_block = configuration.anyBlock ? 1 : 0
    config.spread = configuration.spread ? 1 : 0
    var made: OpaquePointer?
    try check(linnet_create(model.handle, &config, &made), "a stream at \(configuration.sampleRate) Hz")
    handle = made!
    channels = Int(linnet_channels(made))
    self.model = model
  }

  deinit {
    linnet_destroy(handle)
  }

  /// Samples of each channel in an interleaved buffer of so many values.
  private func samples(of values: Int) -> Int {
    precondition(values % channels == 0, "\(values) values are no whole number of samples for \(channels) channels")
    return values / channels
  }

  /// Enhances samples; input and output may be the same memory, and must be of one length.
  public func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) throws {
    precondition(input.count == output.count, "\(input.count) values in, room for \(output.count)")
    let count = samples(of: input.count)
    try check(linnet_process(handle, input.baseAddress, output.baseAddress, count), "\(count) samples")
  }

  /// The same on 16-bit samples.
  public func process(_ input: UnsafeBufferPointer<Int16>, into output: UnsafeMutableBufferPointer<Int16>) throws {
    precondition(input.count == output.count, "\(input.count) values in, room for \(output.count)")
    let count = samples(of: input.count)
    try check(linnet_process_i16(handle, input.baseAddress, output.baseAddress, count), "\(count) samples")
  }

  /// The same on an array for each channel, as AVAudioPCMBuffer's `floatChannelData` of a format that is not
  /// interleaved. Both may be the same.
  public func process(
    planar input: UnsafePointer<UnsafeMutablePointer<Float>>, into output: UnsafePointer<UnsafeMutablePointer<Float>>,
    samples: Int
  ) throws {
    precondition(samples >= 0, "\(samples) samples")
    let status = input.withMemoryRebound(to: UnsafePointer<Float>?.self, capacity: channels) { input in
      output.withMemoryRebound(to: UnsafeMutablePointer<Float>?.self, capacity: channels) { output in
        linnet_process_planar(handle, input, output, samples)
      }
    }
    try check(status, "\(samples) samples")
  }

  /// Enhances samples in place.
  public func process(_ samples: inout [Float]) throws {
    try samples.withUnsafeMutableBufferPointer { try process(UnsafeBufferPointer($0), into: $0) }
  }

  /// The same on 16-bit samples.
  public func process(_ samples: inout [Int16]) throws {
    try samples.withUnsafeMutableBufferPointer { try process(UnsafeBufferPointer($0), into: $0) }
  }

  /// Where input was lost: writes the output of that time, for a packet that did not arrive.
  public func conceal(into output: UnsafeMutableBufferPointer<Float>) throws {
    let count = samples(of: output.count)
    try check(linnet_conceal(handle, output.baseAddress, count), "\(count) samples")
  }

  /// The same on 16-bit samples.
  public func conceal(into output: UnsafeMutableBufferPointer<Int16>) throws {
    let count = samples(of: output.count)
    try check(linnet_conceal_i16(handle, output.baseAddress, count), "\(count) samples")
  }

  /// The same into an array for each channel.
  public func conceal(planar output: UnsafePointer<UnsafeMutablePointer<Float>>, samples: Int) throws {
    precondition(samples >= 0, "\(samples) samples")
    let status = output.withMemoryRebound(to: UnsafeMutablePointer<Float>?.self, capacity: channels) { output in
      linnet_conceal_planar(handle, output, samples)
    }
    try check(status, "\(samples) samples")
  }

  /// Where input was lost: leaves its time out and cross-fades, for a recording that missed samples.
  public func gap(_ samples: Int) throws {
    precondition(samples >= 0, "a gap of \(samples) samples")
    try check(linnet_gap(handle, samples), "a gap of \(samples) samples")
  }

  /// Bit for bit as newly made; the controls keep their values.
  public func reset() throws {
    try check(linnet_reset(handle), "reset")
  }

  /// Most that noise is attenuated, 0...100 dB. 0: the delayed input bit for bit; 100, the default: no limit.
  public func setAttenuationLimit(_ decibels: Float) throws {
    try check(linnet_set_attenuation_limit(handle, decibels), "attenuation limit \(decibels), of 0...100")
  }

  /// Strength of the envelope post-filter, 0 (off, the default) to 1.
  public func setPostfilter(_ amount: Float) throws {
    try check(linnet_set_postfilter(handle, amount), "post-filter \(amount), of 0...1")
  }

  /// Of the newest frame.
  public var stats: Stats {
    var stats = linnet_stats()
    stats.size = MemoryLayout<linnet_stats>.stride
    linnet_get_stats(handle, &stats)
    return Stats(
      speechProbability: stats.speech_probability, inputSNR: stats.input_snr_db, meanGain: stats.mean_gain,
      pitch: stats.pitch_hz, frame: stats.frame)
  }

  /// In Hz.
  public var sampleRate: Int { Int(linnet_sample_rate(handle)) }
  /// Samples of a channel in 10 ms: 480 at 48 kHz.
  public var frameSize: Int { Int(linnet_frame_size(handle)) }
  /// Samples from input to output, exact.
  public var delay: Int { Int(linnet_delay(handle)) }
  /// Name of the kernels that run: "neon_dot", "avx2", ...
  public var backend: String { String(cString: linnet_backend(handle)) }
  /// Version of the library.
  public static var version: String { String(cString: linnet_version()) }
}
