// Whether the mark is in what goes out.

export class Check {
  static async open() {
    return new Check();
  }

  readings = { foundMs: null, isMissing: false };

  close() {}
}
