// The microphone through linnet to the headphones: `swift run Microphone` on a Mac. An app on a phone asks for the
// microphone and sets its AVAudioSession to .playAndRecord before. A tap brings blocks of about 100 ms, off the
// real-time thread. Where that is too late, call `process` in a real-time callback (AVAudioSinkNode, an audio unit):
// it allocates nothing and takes no lock. A device that comes or goes stops the engine: an app begins anew at
// AVAudioEngineConfigurationChange.
import AVFoundation
import Linnet

let engine = AVAudioEngine()
let microphone = engine.inputNode.outputFormat(forBus: 0)
guard microphone.channelCount > 0 else { fatalError("there is no microphone, or no right to it") }
// One channel or two, of a microphone of more the first two: an array for each, as every standard format has them.
let heard = AVAudioFormat(
  standardFormatWithSampleRate: microphone.sampleRate, channels: min(microphone.channelCount, 2))!
// 8, 16, 24, 32 or 48 kHz, as a headset or a phone has them. For a device at 44.1 kHz this throws and says so.
let stream = try LinnetStream(
  model: .small(),
  configuration: .init(sampleRate: Int(heard.sampleRate), channels: Int(heard.channelCount), anyBlock: true))

let player = AVAudioPlayerNode()
engine.attach(player)
engine.connect(player, to: engine.mainMixerNode, format: heard)
engine.inputNode.installTap(onBus: 0, bufferSize: 4800, format: microphone) { block, _ in
  guard let cleaned = AVAudioPCMBuffer(pcmFormat: heard, frameCapacity: block.frameLength) else { return }
  cleaned.frameLength = block.frameLength
  do {
    try stream.process(
      planar: block.floatChannelData!, into: cleaned.floatChannelData!, samples: Int(block.frameLength))
  } catch {
    return print(error)
  }
  player.scheduleBuffer(cleaned)
}
try engine.start()
player.play()
print("\(stream.backend), \(stream.delay) samples late; return ends")
_ = readLine()
engine.stop()
