package org.linnet.sample

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.media.AudioDeviceCallback
import android.media.AudioDeviceInfo
import android.media.AudioManager
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import org.linnet.LinnetModel

/** Two ways to the microphone, to be heard with headphones: AudioRecord in Kotlin, Oboe in C++. */
class MainActivity : Activity() {
  private lateinit var text: TextView
  private var way: (() -> AutoCloseable)? = null
  private var loop: AutoCloseable? = null

  /** A headset that comes or goes ends what ran without it. */
  private val devices =
    object : AudioDeviceCallback() {
      override fun onAudioDevicesAdded(added: Array<out AudioDeviceInfo>?) {
        way?.let { begin(it) }
      }

      override fun onAudioDevicesRemoved(removed: Array<out AudioDeviceInfo>?) {
        way?.let { begin(it) }
      }
    }

  override fun onCreate(state: Bundle?) {
    super.onCreate(state)
    text = TextView(this)
    val kotlin = Button(this).apply { setText("AudioRecord") }
    val stereo = Button(this).apply { setText("AudioRecord, stereo") }
    val native = Button(this).apply { setText("Oboe") }
    val stop = Button(this).apply { setText("Stop") }
    for ((button, channels) in listOf(kotlin to 1, stereo to 2)) {
      button.setOnClickListener {
        begin { RecordLoop(assets, channels) { line -> runOnUiThread { text.text = line } }.apply { start() } }
      }
    }
    native.setOnClickListener { begin { OboeLoop(assets, LinnetModel.SMALL).also { text.text = "Oboe" } } }
    stop.setOnClickListener { stopAll() }
    setContentView(
      LinearLayout(this).apply {
        orientation = LinearLayout.VERTICAL
        for (view in listOf(kotlin, stereo, native, stop, text)) addView(view)
      }
    )
  }

  override fun onStart() {
    super.onStart()
    getSystemService(AudioManager::class.java).registerAudioDeviceCallback(devices, null)
  }

  override fun onStop() {
    getSystemService(AudioManager::class.java).unregisterAudioDeviceCallback(devices)
    stopAll()
    super.onStop()
  }

  /** Runs one way. Without the right to the microphone it asks for that, and the button is to be pressed once more. */
  private fun begin(way: () -> AutoCloseable) {
    stopAll()
    if (checkSelfPermission(Manifest.permission.RECORD_AUDIO) != PackageManager.PERMISSION_GRANTED) {
      text.text = "no right to the microphone"
      requestPermissions(arrayOf(Manifest.permission.RECORD_AUDIO), 0)
      return
    }
    this.way = way
    try {
      loop = way()
    } catch (refused: IllegalStateException) {
      text.text = refused.message
    }
  }

  private fun stopAll() {
    way = null
    loop?.close()
    loop = null
  }
}
