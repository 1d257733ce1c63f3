// Runs a WebAssembly program as a command of this machine: its arguments, streams and exit status are real ones, and so
// are files by a relative path, to be read alone. The emulator of the targets for the web. node:wasi is not used, which
// in Node.js 20 ends about every third run of checkkernels by a silent abort.
//
//     node tests/web/wasi.mjs PROGRAM [ARGUMENT ...]
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SUCCESS = 0, BADF = 8, NOENT = 44, NOSYS = 52;  // errno of WASI preview 1
const ROOT = 3;  // the descriptor of the current folder
const DIRECTORY = 3, REGULAR = 4, CHARACTERS = 2;  // types of files
const ALL_RIGHTS = 0x1fffffffn;

class Exit extends Error {
  constructor(status) {
    super(`exit status ${status}`);
    this.status = status;
  }
}

function system(args, memory) {
  const view = () => new DataView(memory().buffer);
  const bytes = (at, size) => new Uint8Array(memory().buffer, at, size);
  const files = new Map();  // descriptor -> {file, at}
  const texts = args.map((text) => new TextEncoder().encode(`${text}\0`));

  // Calls take(part) for each of the buffers of a list until it takes less than it was offered.
  const transfer = (list, count, total, take) => {
    let sum = 0;
    for (let i = 0; i < count; ++i) {
      const part = bytes(view().getUint32(list + 8 * i, true), view().getUint32(list + 8 * i + 4, true));
      const taken = part.length === 0 ? 0 : take(part);
      sum += taken;
      if (taken < part.length) break;
    }
    view().setUint32(total, sum, true);
    return SUCCESS;
  };
  const write = (fd, part) => {
    for (let done = 0; done < part.length;) {
      try {
        done += writeSync(fd, part, done);
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;  // a pipe that is full for the moment
      }
    }
    return part.length;
  };
  return {
    args_sizes_get(count, size) {
      view().setUint32(count, texts.length, true);
      view().setUint32(size, texts.reduce((sum, text) => sum + text.length, 0), true);
      return SUCCESS;
    },
    args_get(list, at) {
      texts.forEach((text, i) => {
        view().setUint32(list + 4 * i, at, true);
        bytes(at, text.length).set(text);
        at += text.length;
      });
      return SUCCESS;
    },
    environ_sizes_get(count, size) {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return SUCCESS;
    },
    environ_get: () => SUCCESS,
    clock_time_get(clock, precision, at) {
      view().setBigUint64(at, process.hrtime.bigint(), true);
      return SUCCESS;
    },
    fd_prestat_get(fd, at) {
      if (fd !== ROOT) return BADF;
      view().setUint32(at, 0, true);
      view().setUint32(at + 4, 1, true);
      return SUCCESS;
    },
    fd_prestat_dir_name(fd, at) {
      if (fd !== ROOT) return BADF;
      bytes(at, 1)[0] = ".".charCodeAt(0);
      return SUCCESS;
    },
    fd_fdstat_get(fd, at) {
      if (fd > ROOT && !files.has(fd)) return BADF;
      bytes(at, 24).fill(0);
      view().setUint8(at, fd === ROOT ? DIRECTORY : fd > ROOT ? REGULAR : CHARACTERS);
      view().setBigUint64(at + 8, ALL_RIGHTS, true);
      view().setBigUint64(at + 16, ALL_RIGHTS, true);
      return SUCCESS;
    },
    fd_fdstat_set_flags: () => SUCCESS,
    path_open(folder, lookup, path, size, open, rights, inheriting, flags, at) {
      try {
        const file = openSync(new TextDecoder().decode(bytes(path, size)), "r");
        let fd = ROOT + 1;
        while (files.has(fd)) ++fd;
        files.set(fd, { file, at: 0 });
        view().setUint32(at, fd, true);
        return SUCCESS;
      } catch {
        return NOENT;
      }
    },
    fd_close(fd) {
      if (!files.has(fd)) return BADF;
      closeSync(files.get(fd).file);
      files.delete(fd);
      return SUCCESS;
    },
    fd_seek(fd, offset, whence, at) {
      const one = files.get(fd);
      if (!one) return BADF;
      one.at = Number(offset) + [0, one.at, fstatSync(one.file).size][whence];
      view().setBigUint64(at, BigInt(one.at), true);
      return SUCCESS;
    },
    fd_read(fd, list, count, total) {
      const one = files.get(fd);
      if (!one) return BADF;
      return transfer(list, count, total, (part) => {
        const read = readSync(one.file, part, 0, part.length, one.at);
        one.at += read;
        return read;
      });
    },
    fd_write(fd, list, count, total) {
      return fd === 1 || fd === 2 ? transfer(list, count, total, (part) => write(fd, part)) : BADF;
    },
    proc_exit(status) {
      throw new Exit(status);
    },
  };
}

/**
 * Runs a program to its end; returns its exit status.
 *
 * @param {string[]} command the program's file and its arguments
 * @param {(memory: () => WebAssembly.Memory) => object} more functions that it asks for beside those of the system
 */
export function run([program, ...rest], more = () => ({})) {
  let instance;
  const memory = () => instance.exports.memory;
  const known = system([program, ...rest], memory);
  const module = new WebAssembly.Module(readFileSync(program));
  const asked = WebAssembly.Module.imports(module).filter(({ module }) => module === "wasi_snapshot_preview1");
  const imports = asked.map(({ name }) => [name, known[name] ?? (() => NOSYS)]);
  instance = new WebAssembly.Instance(module, {
    wasi_snapshot_preview1: Object.fromEntries(imports),
    env: more(memory),
  });
  try {
    instance.exports._start();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    return error.status;
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const command = process.argv.slice(2);
  if (command.length === 0) {
    console.error("wasi.mjs: name the program to run: node tests/web/wasi.mjs PROGRAM [ARGUMENT ...]");
    process.exit(2);
  }
  process.exitCode = run(command);
}
