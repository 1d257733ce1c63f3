package org.linnet;

/** What the library refuses: not a model, no memory, a CPU without the kernels that were asked for. */
public final class LinnetException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private final int status;

  LinnetException(String what, int status) {
    super(what + ": " + Native.statusText(status));
    this.status = status;
  }

  /** The linnet_status of linnet.h, below 0. */
  public int status() {
    return status;
  }
}
