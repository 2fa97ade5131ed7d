// A terminal over ssm-session and ws, used the way ssm-session's README shows.
//
//   node terminal.js COMMAND < answer of createSession      prints exactly what the command printed
//
// ssm-session acknowledges everything, acknowledgements too, and never resends; the names of its messages are padded
// with NULs on the left and their digest is hexadecimal and cut off. The service puts up with all of that.

"use strict";

const { ssm } = require("ssm-session");
const WebSocket = require("ws");

const BEGIN = "__begin__\r\n";
const END = "__end__\r\n";
const OUTPUT = 1;
/** Commands here take a moment. */
const TIME_MS_MAX = 60_000;

/** One session's data channel. ssm-session counts input in a global variable: one terminal at a time. */
class Terminal {
  /** Resolves with a terminal that has shown its first output. */
  static async open(session) {
    const terminal = new Terminal(session);
    await terminal.#until(() => terminal.#output.length > 0);
    return terminal;
  }

  #socket;
  #output = Buffer.alloc(0);
  #expected = 0;
  #changed = () => {};
  /** Set when the socket is closed: its code, and what channel_closed said before, if it came. */
  closed = null;
  #channelClosed = null;

  constructor({ StreamUrl, TokenValue }) {
    this.#socket = new WebSocket(StreamUrl);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () =>
      ssm.init(this.#socket, { token: TokenValue, termOptions: { cols: 80, rows: 24 } });
    this.#socket.onmessage = (event) => this.#receive(event.data);
    this.#socket.onerror = (event) => this.#end({ error: event.message });
    this.#socket.onclose = (event) => this.#end({ code: event.code });
  }

  /** Types a command; resolves with what it printed, the terminal's line ends included. */
  async run(command) {
    const from = this.#output.length;
    // The markers are typed in another way than they are printed, or the echo would pass for them.
    const typed = `printf '\\137\\137begin\\137\\137\\n'; ${command}; printf '\\137\\137end\\137\\137\\n'\r`;
    ssm.sendText(this.#socket, new TextEncoder().encode(typed));
    const end = await this.#until(() => this.#find(END, from));
    const begin = this.#find(BEGIN, from);
    if (begin === null) throw new Error("the end came without a beginning");
    return this.#output.subarray(begin + BEGIN.length, end);
  }

  /** Resolves when the other side has closed the channel. */
  async end() {
    return this.#until(() => this.closed);
  }

  close() {
    this.#socket.close();
  }

  #receive(data) {
    const message = ssm.decode(data);
    ssm.sendACK(this.#socket, message);
    // Names arrive padded with spaces, which ssm-session trims.
    if (message.messageType === "channel_closed") {
      this.#channelClosed = JSON.parse(Buffer.from(message.payload).toString());
    }
    const isNext = message.sequenceNumber === this.#expected;
    if (message.messageType !== "output_stream_data" || !isNext) return;
    this.#expected += 1;
    if (message.payloadType === OUTPUT) {
      this.#output = Buffer.concat([this.#output, message.payload]);
    }
    this.#changed();
  }

  #end(how) {
    this.closed ??= { ...how, channelClosed: this.#channelClosed };
    this.#changed();
  }

  #find(text, from) {
    const at = this.#output.indexOf(text, from);
    return at < 0 ? null : at;
  }

  /** Resolves with the first value of `look` that is neither null nor false. */
  #until(look) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing after ${this.#seen()}`)), TIME_MS_MAX);
      this.#changed = () => {
        const found = look();
        const isFound = found !== null && found !== false;
        if (!isFound && !this.closed) return;
        clearTimeout(timer);
        this.#changed = () => {};
        if (isFound) resolve(found);
        else reject(new Error(`closed (${JSON.stringify(this.closed)}) after ${this.#seen()}`));
      };
      this.#changed();
    });
  }

  #seen() {
    return JSON.stringify(this.#output.toString());
  }
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const terminal = await Terminal.open(JSON.parse(Buffer.concat(chunks)));
  process.stdout.write(await terminal.run(process.argv[2]));
  terminal.close();
}

module.exports = { Terminal };

if (require.main === module) {
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
