package org.linnet.sample

import android.annotation.SuppressLint
import android.content.res.AssetManager
import android.media.AudioAttributes
import android.media.AudioFormat
import android.media.AudioRecord
import android.media.AudioTrack
import android.media.MediaRecorder
import android.os.Process
import org.linnet.Linnet
import org.linnet.LinnetModel

/** Microphone, linnet, loudspeaker, 10 ms at a time on a thread of its own, until it is closed; of 1 or 2 channels. */
class RecordLoop(
  private val assets: AssetManager,
  private val channels: Int,
  private val report: (String) -> Unit,
) : Thread(), AutoCloseable {
  @Volatile private var running = true

  override fun run() {
    Process.setThreadPriority(Process.THREAD_PRIORITY_URGENT_AUDIO)
    try {
      LinnetModel.fromAsset(assets, LinnetModel.SMALL).use { model ->
        Linnet(model, Linnet.Config().also { it.channels = channels }).use { linnet -> enhance(linnet) }
      }
    } catch (error: Exception) { // what a device refuses, or a call or an unplugged headset takes away
      report("$error")
    }
  }

  private fun enhance(linnet: Linnet) {
    val record = microphone()
    try {
      val track = loudspeaker()
      try {
        val frame = FloatArray(linnet.frameSize() * channels) // in turn, as both classes have them
        val stats = Linnet.Stats()
        record.startRecording()
        track.play()
        while (running) {
          val count = record.read(frame, 0, frame.size, AudioRecord.READ_BLOCKING)
          check(count == frame.size) { "the microphone gave $count of ${frame.size}" }
          linnet.process(frame, frame, linnet.frameSize())
          val played = track.write(frame, 0, count, AudioTrack.WRITE_BLOCKING)
          check(played == count) { "the loudspeaker took $played of $count" }
          linnet.stats(stats)
          if (stats.frame() % 50 == 0L) report("${linnet.backend()}, speech ${stats.speechProbability()}")
        }
      } finally {
        track.release()
      }
    } finally {
      record.release()
    }
  }

  @SuppressLint("MissingPermission") // the activity has asked for it
  private fun microphone(): AudioRecord {
    val mask = if (channels == 2) AudioFormat.CHANNEL_IN_STEREO else AudioFormat.CHANNEL_IN_MONO
    val bytes = AudioRecord.getMinBufferSize(RATE, mask, AudioFormat.ENCODING_PCM_FLOAT)
    // Not VOICE_COMMUNICATION, which has a noise suppressor of its own.
    val source = MediaRecorder.AudioSource.VOICE_RECOGNITION
    return AudioRecord(source, RATE, mask, AudioFormat.ENCODING_PCM_FLOAT, 2 * bytes)
  }

  private fun loudspeaker(): AudioTrack =
    AudioTrack.Builder()
      .setAudioAttributes(AudioAttributes.Builder().setUsage(AudioAttributes.USAGE_MEDIA).build())
      .setAudioFormat(
        AudioFormat.Builder()
          .setSampleRate(RATE)
          .setChannelMask(if (channels == 2) AudioFormat.CHANNEL_OUT_STEREO else AudioFormat.CHANNEL_OUT_MONO)
          .setEncoding(AudioFormat.ENCODING_PCM_FLOAT)
          .build()
      )
      .build()

  override fun close() {
    running = false
    join()
  }

  private companion object {
    const val RATE = 48000
  }
}
