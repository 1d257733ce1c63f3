import CLinnet
import Foundation

/// What the library refuses: not a model, a rate that there is not, a count that is no whole number of frames.
public struct LinnetError: LocalizedError, CustomStringConvertible {
  /// The `linnet_status` of linnet.h, below 0.
  public let status: Int32
  public let description: String
  /// What `localizedDescription` says, which apps show.
  public var errorDescription: String? { description }

  init(_ what: String, _ status: linnet_status) {
    self.status = Int32(status.rawValue)
    description = "\(what): \(String(cString: linnet_status_text(status)))"
  }
}

/// Throws unless the status is that of success. The text is made only then, as a message takes memory.
func check(_ status: linnet_status, _ what: @autoclosure () -> String) throws {
  guard status == LINNET_OK else { throw LinnetError(what(), status) }
}
