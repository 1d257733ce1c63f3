package android.content.res;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Assets as a device has them: behind one another in one file, the package of the app, at multiples of 4 bytes. Names
 * with "packed" in them are those of compressed ones, which have no place there.
 */
public final class AssetManager {
  private final Path folder;
  private final Path app;

  /** The files of a folder are the assets; of the app's file the first bytes are something else. */
  public AssetManager(Path folder, Path app, int before) throws IOException {
    this.folder = folder;
    this.app = app;
    Files.write(app, new byte[before]);
  }

  public AssetFileDescriptor openFd(String name) throws IOException {
    File file = folder.resolve(name).toFile();
    if (!file.exists() || name.contains("packed")) {
      throw new FileNotFoundException(name);
    }
    byte[] content = Files.readAllBytes(file.toPath());
    long start = Files.size(app);
    byte[] together = Arrays.copyOf(Files.readAllBytes(app), (int) start + content.length);
    System.arraycopy(content, 0, together, (int) start, content.length);
    Files.write(app, together);
    return new AssetFileDescriptor(new FileInputStream(app.toFile()), start, content.length);
  }

  public InputStream open(String name) throws IOException {
    return new FileInputStream(folder.resolve(name).toFile());
  }
}
