package android.content.res;

import java.io.IOException;
import java.io.InputStream;

/** A stand-in to compile against where there is no Android SDK. Never packed: the device has the real one. */
public final class AssetManager {
  public native AssetFileDescriptor openFd(String name) throws IOException;

  public native InputStream open(String name) throws IOException;
}
