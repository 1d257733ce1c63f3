// The microphone through linnet to the headphones: `swift run Microphone` on a Mac. An app on a phone asks for the
// microphone and sets its AVAudioSession to .playAndRecord before. A tap brings blocks of about 100 ms, off the
// real-time thread. Where that is too late, call `process` in a real-time callback (AVAudioSinkNode, an audio unit):
// it allocates nothing and takes no lock.
import AVFoundation
import Linnet

let engine = AVAudioEngine()
let microphone = engine.inputNode.outputFormat(forBus: 0)
let mono = AVAudioFormat(standardFormatWithSampleRate: microphone.sampleRate, channels: 1)!
// 8, 16, 24, 32 or 48 kHz, as a headset or a phone has them. For a device at 44.1 kHz this throws and says so.
let stream = try LinnetStream(
  model: .small(), configuration: .init(sampleRate: Int(microphone.sampleRate), anyBlock: true))

let player = AVAudioPlayerNode()
engine.attach(player)
engine.connect(player, to: engine.mainMixerNode, format: mono)
engine.inputNode.installTap(onBus: 0, bufferSize: 4800, format: microphone) { block, _ in
  guard let cleaned = AVAudioPCMBuffer(pcmFormat: mono, frameCapacity: block.frameLength) else { return }
  cleaned.frameLength = block.frameLength
  let count = Int(block.frameLength)
  let input = UnsafeBufferPointer(start: block.floatChannelData![0], count: count)
  let output = UnsafeMutableBufferPointer(start: cleaned.floatChannelData![0], count: count)
  do {
    try stream.process(input, into: output)
  } catch {
    print(error)
  }
  player.scheduleBuffer(cleaned)
}
try engine.start()
player.play()
print("\(stream.backend), \(stream.delay) samples late; return ends")
_ = readLine()
engine.stop()
