#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// A frontend in plain JavaScript: a build file that draws the tree it describes. It needs nothing but Node; what it
// speaks is docs/frontend-protocol.md.
"use strict";
const fs = require("fs");

// msgpack, as far as the protocol needs it

function encode(value) {
  if (value === null || value === undefined) return Buffer.from([0xc0]);
  if (value === true || value === false) return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === "number") return encodeNumber(value);
  if (typeof value === "string") return headed(Buffer.from(value), 0xda, 0xdb);
  if (Buffer.isBuffer(value)) return headed(value, 0xc5, 0xc6);
  if (Array.isArray(value)) return Buffer.concat([sized(value.length, 0xdc, 0xdd), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([sized(entries.length, 0xde, 0xdf), ...entries.flat().map(encode)]);
}

function encodeNumber(value) {
  const data = Buffer.alloc(9);
  data[0] = 0xd3;
  data.writeBigInt64BE(BigInt(value), 1);
  return data;
}

function sized(size, short, long) {
  const data = Buffer.alloc(size < 65536 ? 3 : 5);
  data[0] = size < 65536 ? short : long;
  if (size < 65536) data.writeUInt16BE(size, 1);
  else data.writeUInt32BE(size, 1);
  return data;
}

function headed(bytes, short, long) {
  return Buffer.concat([sized(bytes.length, short, long), bytes]);
}

function decode(data) {
  let at = 0;
  const take = (count) => data.subarray(at, (at += count));
  const size = (count) => take(count).readUIntBE(0, count);
  const list = (count) => Array.from({ length: count }, one);
  const map = (count) => Object.fromEntries(Array.from({ length: count }, () => [one(), one()]));
  const text = (count) => take(count).toString();
  function one() {
    const tag = data[at++];
    if (tag < 0x80) return tag;
    if (tag < 0x90) return map(tag & 15);
    if (tag < 0xa0) return list(tag & 15);
    if (tag < 0xc0) return text(tag & 31);
    if (tag >= 0xe0) return tag - 256;
    switch (tag) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return Buffer.from(take(size(1)));
      case 0xc5: return Buffer.from(take(size(2)));
      case 0xc6: return Buffer.from(take(size(4)));
      case 0xcb: return take(8).readDoubleBE(0);
      case 0xcc: return size(1);
      case 0xcd: return size(2);
      case 0xce: return size(4);
      case 0xcf: return Number(take(8).readBigUInt64BE(0));
      case 0xd0: return take(1).readInt8(0);
      case 0xd1: return take(2).readInt16BE(0);
      case 0xd2: return take(4).readInt32BE(0);
      case 0xd3: return Number(take(8).readBigInt64BE(0));
      case 0xd9: return text(size(1));
      case 0xda: return text(size(2));
      case 0xdb: return text(size(4));
      case 0xdc: return list(size(2));
      case 0xdd: return list(size(4));
      case 0xde: return map(size(2));
      case 0xdf: return map(size(4));
      default: throw new Error(`msgpack: unknown tag ${tag}`);
    }
  }
  return one();
}

// the channel: frames of four bytes and a message

const channel = Number(process.env.LADLE_FRONTEND_FD);

function receive() {
  const head = readExactly(4);
  return decode(readExactly(head.readUInt32BE(0)));
}

function readExactly(count) {
  const data = Buffer.alloc(count);
  for (let have = 0; have < count; ) {
    const got = fs.readSync(channel, data, have, count - have, null);
    if (got === 0) process.exit(1); // ladle has gone: so do we
    have += got;
  }
  return data;
}

function send(message) {
  const body = encode(message);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length, 0);
  const data = Buffer.concat([head, body]);
  for (let done = 0; done < data.length; ) done += fs.writeSync(channel, data, done);
}

let questions = 0;

function ask(ask, args) {
  send({ id: ++questions, ask, args });
  const reply = receive();
  if (reply.error) throw { error: reply.error };
  return reply.answer;
}

// the language: indented names; `name/` is a directory, `name -> text` a link, `name = text` a file with that text,
// `name < path` a file of the build context; `(mode)` after a name is its mode

const LINE = /^( *)([^ =<>()]+?)(\/)?(?: \(([0-7]{3,4})\))?(?: (=|<|->) ?(.*))?$/;

function parse(name, text) {
  const found = [];
  const wrong = [];
  const open = [{ indent: -1, path: "" }];
  let offset = 0;
  text.split("\n").forEach((line, index) => {
    const start = offset;
    offset += [...line].length + 1;
    if (!line.trim() || line.trim().startsWith("#")) return;
    const problem = (code, message, help) =>
      wrong.push({
        code, severity: "error", message, notes: [], help, rule: "",
        labels: [[0, start + line.length - line.trimStart().length, offset - 1, ""]],
      });
    const match = LINE.exec(line.trimEnd());
    if (!match) return problem("TREE01", "this line says nothing", "write NAME/, NAME = TEXT, NAME < PATH or NAME -> LINK");
    const [, blanks, own, slash, mode, kind, rest] = match;
    while (open[open.length - 1].indent >= blanks.length) open.pop();
    const parent = open[open.length - 1];
    const path = `${parent.path}/${own}`;
    if (own === "." || own === ".." || own.includes("/")) return problem("TREE02", `${own} is no name`, "write one line for each directory");
    if (slash && kind) return problem("TREE03", `${own}/ is a directory and cannot hold a text`, "leave out one of the two");
    if (!slash && !kind) return problem("TREE04", `what is ${own}?`, `write ${own}/ for a directory, ${own} = TEXT for a file`);
    if (slash) open.push({ indent: blanks.length, path });
    found.push({ path, kind: slash ? "/" : kind, rest, mode: mode ? parseInt(mode, 8) : undefined, line: index + 1 });
  });
  if (wrong.length) throw { sources: [[name, text]], diagnostics: wrong };
  return found;
}

// the graph: one file op over the context

const SHOWN = { "/": "mkdir", "=": "mkfile", "<": "copy", "->": "symlink" };

function action(entry) {
  const { path, kind, rest, mode } = entry;
  const given = mode === undefined ? {} : { mode };
  if (kind === "/") return { mkdir: { path, make_parents: true, ...given } };
  if (kind === "=") return { mkfile: { path, data: Buffer.from(`${rest}\n`), ...given } };
  if (kind === "->") return { symlink: { oldpath: rest, newpath: path } };
  return { copy: { src: `/${rest}`, dest: path, create_dest_path: true, ...given } };
}

function compile(first) {
  const [name, data] = first.file;
  const text = new TextDecoder("utf-8", { fatal: true }).decode(data);
  const entries = parse(name, text);
  const copied = entries.filter((entry) => entry.kind === "<");
  for (const entry of copied) {
    if (ask("read", { path: entry.rest }) === null)
      throw { error: { message: `line ${entry.line}: the build context has no ${entry.rest}`, code: "TREE05", notes: [], help: "" } };
  }
  const ops = [];
  if (copied.length) {
    const paths = JSON.stringify([...new Set(copied.map((entry) => entry.rest))].sort());
    ops.push({ op: { source: { identifier: "local://context", attrs: { "local.followpaths": paths } } } });
  }
  const metadata = [];
  const locations = [];
  let before = -1;
  for (const entry of entries) {
    const inputs = [];
    const step = { action: action(entry), input: -1, output: 0 };
    if (before >= 0) step.input = inputs.push([before, 0]) - 1;
    if (entry.kind === "<") step.secondary_input = inputs.push([0, 0]) - 1;
    before = ops.push({ op: { file: { actions: [step] } }, inputs }) - 1;
    metadata.push([before, { description: { "llb.customname": `${SHOWN[entry.kind]} ${entry.path}` } }]);
    locations.push([before, [[0, [{ start_line: entry.line, end_line: entry.line }]]]]);
  }
  const platforms = first.options.platforms;
  return {
    graph: {
      ops, metadata, locations,
      sources: [{ filename: name, data }],
      results: platforms.map((platform) => (before < 0 ? [platform] : [platform, before, 0])),
    },
    images: platforms.map((platform) => ({ platform })),
  };
}

function main() {
  const first = receive();
  if (first["ladle.frontend"] !== 1) process.exit(2);
  try {
    if (first.call !== "compile") throw { error: { message: `tree.js does not answer ${first.call}`, code: "TREE06", notes: [], help: "" } };
    send({ done: compile(first) });
  } catch (failed) {
    const told = failed instanceof Error ? { error: { message: failed.message, code: "TREE07", notes: [], help: "" } } : failed;
    send({ failed: told });
  }
}

main();
