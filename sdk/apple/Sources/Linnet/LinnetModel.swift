import CLinnet
import Foundation

/// A model: checked once, never changed, shared by any number of streams and threads. It lives as long as one of them.
public final class LinnetModel: @unchecked Sendable {
  /// What a model is and costs.
  public struct Info: Sendable {
    /// Name of the network's form, "percepnet" or "bandsplit".
    public let topology: String
    /// Frames of 10 ms by which a stream with the default configuration lags.
    public let delayFrames: Int
    /// With biases; of a sparse model those that it stores.
    public let weights: UInt64
    /// Of one frame's network.
    public let multiplyAdds: UInt64
    /// Of the model, read for one frame.
    public let frameBytes: UInt64
    /// What a stream with the default configuration takes, which is of one channel.
    public let streamBytes: UInt64
  }

  /// A model as it is on this device, for `choose`.
  public struct Candidate: Sendable {
    /// How good, on any scale where larger is better.
    public var quality: Double
    /// What a frame of 10 ms of it takes.
    public var microseconds: Double

    public init(quality: Double, microseconds: Double) {
      self.quality = quality
      self.microseconds = microseconds
    }
  }

  let handle: OpaquePointer
  private let blob: NSData  // borrowed by the handle; its bytes stay in place

  /// A model file, which is mapped: its pages are the system's to drop and read again.
  ///
  /// Throws what Foundation says of a file that cannot be read, and `LinnetError` if it is not a model.
  public convenience init(contentsOf url: URL) throws {
    try self.init(NSData(contentsOf: url, options: .mappedIfSafe), url.lastPathComponent)
  }

  /// A model in memory, which is copied. Throws `LinnetError` if it is not a model.
  public convenience init(data: Data) throws {
    try self.init(data.withUnsafeBytes { NSData(bytes: $0.baseAddress, length: $0.count) }, "the data")
  }

  private init(_ blob: NSData, _ name: String) throws {
    var made: OpaquePointer?
    try check(linnet_model_create(blob.bytes, blob.length, &made), "model \(name)")
    handle = made!
    self.blob = blob
  }

  /// The model in this package's resources.
  public static var smallURL: URL {
    Bundle.module.url(forResource: "small", withExtension: "linnet", subdirectory: "Models")!  // the package holds it
  }

  /// A model out of `smallURL`.
  public static func small() throws -> LinnetModel {
    try LinnetModel(contentsOf: smallURL)
  }

  public var info: Info {
    var info = linnet_model_info()
    info.size = MemoryLayout<linnet_model_info>.stride
    linnet_model_get_info(handle, &info)
    return Info(
      topology: String(cString: info.topology), delayFrames: Int(info.delay_frames), weights: info.weights,
      multiplyAdds: info.multiply_adds, frameBytes: info.frame_bytes, streamBytes: info.stream_bytes)
  }

  /// Which of measured models to run, as an index, or nil to enhance nothing: the best that costs no more than the
  /// budget, or the cheapest, unless it takes over half of the time. Another than the one that runs has to stay well
  /// below the budget, so that two do not take turns. The budget is a share of the time of one core; a tenth leaves
  /// room for a thread that rests between frames.
  public static func choose(_ models: [Candidate], budget: Double = 0.1, current: Int? = nil) throws -> Int? {
    let candidates = models.map { model -> linnet_candidate in
      var candidate = linnet_candidate()
      candidate.quality = model.quality
      candidate.microseconds = model.microseconds
      return candidate
    }
    let running = current ?? -1
    var chosen: Int32 = -1
    try check(
      linnet_choose(candidates, candidates.count, budget, Int32(clamping: running), &chosen),
      "a choice of \(models.count) models, budget \(budget) of 0...1, current \(running)")
    return chosen < 0 ? nil : Int(chosen)
  }

  deinit {
    linnet_model_destroy(handle)
  }
}
