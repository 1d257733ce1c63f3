package org.linnet.sample

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import org.linnet.LinnetModel

/** Two ways to the microphone, to be heard with headphones: AudioRecord in Kotlin, Oboe in C++. */
class MainActivity : Activity() {
  private var record: RecordLoop? = null
  private var oboe: OboeLoop? = null

  override fun onCreate(state: Bundle?) {
    super.onCreate(state)
    val text = TextView(this)
    val kotlin = Button(this).apply { setText("AudioRecord") }
    val stereo = Button(this).apply { setText("AudioRecord, stereo") }
    val native = Button(this).apply { setText("Oboe") }
    val stop = Button(this).apply { setText("Stop") }
    for ((button, channels) in listOf(kotlin to 1, stereo to 2)) {
      button.setOnClickListener {
        stopAll()
        record = RecordLoop(assets, channels) { line -> runOnUiThread { text.text = line } }.apply { start() }
      }
    }
    native.setOnClickListener {
      stopAll()
      oboe = OboeLoop(assets, LinnetModel.SMALL)
      text.text = "Oboe"
    }
    stop.setOnClickListener { stopAll() }
    setContentView(
      LinearLayout(this).apply {
        orientation = LinearLayout.VERTICAL
        for (view in listOf(kotlin, stereo, native, stop, text)) addView(view)
      }
    )
    if (checkSelfPermission(Manifest.permission.RECORD_AUDIO) != PackageManager.PERMISSION_GRANTED) {
      requestPermissions(arrayOf(Manifest.permission.RECORD_AUDIO), 0)
    }
  }

  override fun onStop() {
    stopAll()
    super.onStop()
  }

  private fun stopAll() {
    record?.close()
    record = null
    oboe?.close()
    oboe = null
  }
}
