// Files of Python that lie in pieces outside its memory: those that a person chose, and new ones as
// Blobs, which a browser may put on disk.  Those of Emscripten's own file system lie in one array,
// which is copied each time it grows.

const PIECE_BYTES = 1 << 22;
const EIO = 29; // as Emscripten counts
const MOST_OPEN = 2; // pieces of a file that are held as arrays: its head, and where it is written

function copyBlob(blob, bytes) {
  bytes.set(new Uint8Array(new FileReaderSync().readAsArrayBuffer(blob)));
  bytes.fill(0, blob.size);
}

export class Chunks {
  #pieces = []; // Blobs of #pieceBytes each, the last one of a chosen file excepted
  #open = new Map(); // number of a piece -> {bytes, isChanged}, the least used one first
  #pieceBytes;
  size = 0;

  constructor(pieceBytes = PIECE_BYTES, file = null) {
    this.#pieceBytes = pieceBytes;
    if (!file) return;
    this.size = file.size;
    for (let at = 0; at < file.size; at += pieceBytes) this.#pieces.push(file.slice(at, at + pieceBytes));
  }

  #take(number) {
    let piece = this.#open.get(number);
    if (piece) {
      this.#open.delete(number);
    } else {
      // The array of another piece is used again: browsers are slow to give them back.
      const isFull = this.#open.size >= MOST_OPEN;
      const bytes = isFull ? this.#put(this.#open.keys().next().value) : new Uint8Array(this.#pieceBytes);
      if (this.#pieces[number]) copyBlob(this.#pieces[number], bytes);
      else bytes.fill(0);
      piece = { bytes, isChanged: false };
    }
    this.#open.set(number, piece);
    return piece;
  }

  #put(number) {
    const { bytes, isChanged } = this.#open.get(number);
    this.#open.delete(number);
    if (isChanged) this.#pieces[number] = new Blob([bytes]);
    return bytes;
  }

  // Calls `copy(bytes, from, done, n)` for the part of each piece between two places.
  #walk(position, length, copy) {
    for (let done = 0; done < length; ) {
      const from = (position + done) % this.#pieceBytes;
      const n = Math.min(this.#pieceBytes - from, length - done);
      copy(this.#take(Math.floor((position + done) / this.#pieceBytes)), from, done, n);
      done += n;
    }
  }

  read(target, offset, length, position) {
    const n = Math.max(Math.min(length, this.size - position), 0);
    this.#walk(position, n, ({ bytes }, from, done, part) => {
      target.set(bytes.subarray(from, from + part), offset + done);
    });
    return n;
  }

  write(source, offset, length, position) {
    this.#walk(position, length, (piece, from, done, part) => {
      piece.bytes.set(source.subarray(offset + done, offset + done + part), from);
      piece.isChanged = true;
    });
    this.size = Math.max(this.size, position + length);
    return length;
  }

  truncate(size) {
    if (size < this.size) {
      // What is cut off reads as zeros if the file grows again.
      const number = Math.floor(size / this.#pieceBytes);
      for (const one of this.#open.keys()) if (one > number) this.#open.delete(one);
      this.#pieces.length = Math.min(this.#pieces.length, number + 1);
      const piece = this.#take(number);
      piece.bytes.fill(0, size % this.#pieceBytes);
      piece.isChanged = true;
    }
    this.size = size;
  }

  toBlob() {
    for (const number of [...this.#open.keys()]) this.#put(number);
    const pieces = [];
    for (let number = 0; number * this.#pieceBytes < this.size; number++) {
      const piece = this.#pieces[number] ?? new Blob();
      pieces.push(piece, new Uint8Array(this.#pieceBytes - piece.size)); // what was never written is zero
    }
    return new Blob(pieces).slice(0, this.size);
  }
}

function makeFileNodes(MEMFS) {
  return {
    ...MEMFS.node_ops,
    setattr(node, { size, ...others }) {
      if (size !== undefined) node.chunks.truncate(size);
      MEMFS.node_ops.setattr(node, others);
    },
  };
}

function makeFileStreams({ filesystems: { MEMFS }, ErrnoError }) {
  return {
    llseek: MEMFS.stream_ops.llseek,
    read({ node }, buffer, offset, length, position) {
      try {
        return node.chunks.read(buffer, offset, length, position);
      } catch {
        throw new ErrnoError(EIO); // the file was changed, or removed
      }
    },
    write({ node }, buffer, offset, length, position) {
      node.timestamp = Date.now();
      return node.chunks.write(buffer, offset, length, position);
    },
  };
}

// Returns a file system to mount; its folders are those of Emscripten's own.  The option `files` of
// a mount holds files that were chosen, by name.
export function makeChunkedFiles(FS) {
  const { MEMFS } = FS.filesystems;
  const ofFiles = { node_ops: makeFileNodes(MEMFS), stream_ops: makeFileStreams(FS) };
  const ofFolders = { ...MEMFS.node_ops, mknod: createNode };

  function createNode(parent, name, mode, device) {
    const node = MEMFS.createNode(parent, name, mode, device);
    if (FS.isDir(mode)) node.node_ops = ofFolders;
    if (FS.isFile(mode)) {
      node.chunks = new Chunks();
      Object.defineProperty(node, "usedBytes", { get: () => node.chunks.size });
      Object.assign(node, ofFiles);
    }
    return node;
  }

  function mount({ opts }) {
    const root = createNode(null, "/", 0o40777, 0);
    for (const [name, file] of Object.entries(opts.files ?? {})) {
      const node = createNode(root, name, 0o100444, 0);
      node.chunks = new Chunks(PIECE_BYTES, file);
      node.timestamp = file.lastModified ?? 0; // a Blob has no date
    }
    return root;
  }

  return { mount };
}

// Returns the content of a file of such a file system.
export function takeBlob(FS, path) {
  return FS.lookupPath(path).node.chunks.toBlob();
}
