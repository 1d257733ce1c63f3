package org.linnet.sample

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.junit.runner.RunWith
import org.linnet.Linnet
import org.linnet.LinnetException
import org.linnet.LinnetModel

/** On a device: the bits of every other platform, out of an asset that is mapped. */
@RunWith(AndroidJUnit4::class)
class LinnetTest {
  private val assets = InstrumentationRegistry.getInstrumentation().targetContext.assets

  /** Noise in bursts by integer arithmetic. */
  private fun noise(): FloatArray {
    var value = 1
    return FloatArray(96000) { index ->
      value = value * 1664525 + 1013904223
      if (index / 16000 % 2 == 0) (value shr 16) / 131072f else 0f
    }
  }

  private fun hash(samples: FloatArray): String {
    val bytes = ByteBuffer.allocate(4 * samples.size).order(ByteOrder.LITTLE_ENDIAN)
    bytes.asFloatBuffer().put(samples)
    val digest = MessageDigest.getInstance("SHA-256").digest(bytes.array())
    return digest.joinToString("") { "%02x".format(it) }
  }

  @Test
  fun bitsOfArrays() {
    val samples = noise()
    LinnetModel.fromAsset(assets, LinnetModel.SMALL).use { model ->
      Linnet(model).use { linnet -> linnet.process(samples, samples, samples.size) }
    }
    assertEquals(EXPECTED, hash(samples))
  }

  @Test
  fun bitsOfBuffers() {
    val samples = noise()
    val buffer = ByteBuffer.allocateDirect(4 * samples.size).order(ByteOrder.nativeOrder()).asFloatBuffer()
    buffer.put(samples).rewind()
    LinnetModel.fromAsset(assets, LinnetModel.SMALL).use { model ->
      Linnet(model).use { linnet -> linnet.process(buffer, buffer, samples.size) }
    }
    buffer.get(samples)
    assertEquals(EXPECTED, hash(samples))
  }

  @Test
  fun bitsOfTwoChannels() {
    val noise = noise()
    // Left and right in turn: the noise, and the noise from another sample on.
    val samples = FloatArray(2 * noise.size) { noise[(it / 2 + 1000 * (it % 2)) % noise.size] }
    LinnetModel.fromAsset(assets, LinnetModel.SMALL).use { model ->
      Linnet(model, Linnet.Config().apply { channels = 2 }).use { linnet ->
        linnet.process(samples, samples, noise.size)
      }
    }
    assertEquals(EXPECTED_STEREO, hash(samples))
  }

  @Test
  fun librariesLoad() {
    System.loadLibrary("sample") // and what it needs, Oboe too
  }

  @Test
  fun assetsAreStored() {
    assets.openFd(LinnetModel.SMALL).close()
  }

  @Test
  fun mistakesAreNamed() {
    val rest = ByteBuffer.allocate(4096)
    val error = assertThrows(LinnetException::class.java) { LinnetModel.fromBuffer(rest) }
    assertEquals(-6, error.status())
  }

  private companion object {
    /** SHA-256 of what the small model makes of `noise`, as little-endian floats. */
    const val EXPECTED = "dc7a78d6de778681b1c0585b7c0664c6c3aab985e801e4302feabbb95de85717"

    /** The same of two channels. */
    const val EXPECTED_STEREO = "209778153ee9377e5ecb280343c6eff99d6e8f7985278b9c8775d4ca3a458643"
  }
}
