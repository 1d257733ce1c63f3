package org.linnet.sample

import android.content.res.AssetManager

/** The same in C++, with the shorter delay of Oboe's callbacks: cpp/oboe_loop.cpp. */
class OboeLoop(assets: AssetManager, model: String) : AutoCloseable {
  private var handle = start(assets, model)

  init {
    check(handle != 0L) { "$model: no model, or no audio" }
  }

  override fun close() {
    if (handle != 0L) stop(handle)
    handle = 0
  }

  private external fun start(assets: AssetManager, model: String): Long

  private external fun stop(handle: Long)

  private companion object {
    init {
      System.loadLibrary("sample")
    }
  }
}
