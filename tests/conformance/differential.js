// SPDX-License-Identifier: Apache-2.0
//
// The router's HTTP/1 parser against llhttp, as Node.js has it: random requests, mutated, must not be read in one way
// here and in another there, neither as they come nor as they are forwarded.
//
// usage: node differential.js READER [--seconds N] [--seed N]
// READER is the program of reader_main.cpp. A seed makes the same requests again, with any number of seconds.
'use strict';
process.noDeprecation = true; // the parser itself is shown by process.binding() alone
const { spawnSync } = require('node:child_process');
const { HTTPParser, methods, allMethods } = process.binding('http_parser');

const [reader, ...options] = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = options.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(options[at + 1]);
};
const seconds = option('seconds', 15);
const first_seed = option('seed', 1);
const batch_size = 500;

// ---------------------------------------------------------------------------------------------- making

/// Numbers that a seed repeats (mulberry32).
function random_of(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const targets = ['/', '/a', '/a/b?c=d&e', '/a#b', '/%20', '/\xc3\xa9', '/a?b?c', '//a', '/a;b=c', '/"a"', '*',
  'http://a.example/b', 'http://a.example', 'HTTPS://a.example/b?c', 'http://a.example?b', 'a', '/a\\b', '/a|b^`{}'];
const names = ['Accept', 'X-Empty', 'Cookie', 'a', "!#$%&'*+-.^_`|~0", 'Content-Type', 'Connection', 'TE', 'Trailer',
  'Transfer_Encoding', 'Content_Length', 'Keep-Alive', 'Proxy-Connection', 'X-Forwarded-For', 'Upgrade', 'Expect',
  'Content-Length', 'Transfer-Encoding', 'Host', 'Contents-Length', 'Content-Lengt', 'Transfer-Encodings', 'H'];
const values = ['', 'a', 'a b', 'a\tb', '\xff\x80', '"a, b"', 'close', 'keep-alive', 'Close, x', 'x, keep-alive',
  'upgrade', 'chunked', 'Chunked', 'identity', 'gzip, chunked', 'chunked, chunked', 'chunked,', '0', '1', '5', '05',
  '+5', '5, 5', '5 5', '99999999999999999999', '18446744073709551615', '0x5', '-1', 'a.example', '100-continue', 'websocket',
  'x'.repeat(300)];
const extensions = [';', ';a', ';a=b', ';a="b"', '; a = b ', ' ;a', ';a=b;c=d', ';"', ' ', '\t'];
const fragments = ['\r\n', '\n', '\r', '\r\r\n', '\n\r', ' ', '\t', '\0', '\v', '\f', '\x7f', '\x80', '\xff', '\x85',
  '\xa0', ':', ';', ',', '"', '=', '_', '-', '0', 'a', 'A', '\r\n ', '\r\n\t', '\r\n\r\n', ': ', ' :', ';a=b',
  ';a="b\\""', '0\r\n\r\n', 'chunked', 'Transfer-Encoding: chunked\r\n', 'Content-Length: 5\r\n',
  'Content-Length: 0\r\n', 'Host: b.example\r\n', 'Connection: close\r\n', 'HTTP/1.1', 'HTTP/1.0',
  'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n', 'ffffffffffffffff', '00000000'];

function make_request(below) {
  const pick = (list) => list[below(list.length)];
  const blanks = () => pick(['', ' ', ' ', ' ', '\t', '  ', ' \t ']);
  const cased = (text) => below(4) ? text : [...text].map((c) => below(2) ? c.toUpperCase() : c.toLowerCase()).join('');
  const lines = [];
  const body = Array.from({ length: below(12) }, () => pick(['a', '0', '\r', '\n', '\xff', ' ', '\0'])).join('');
  let content = '';
  if (below(12)) lines.push(`${cased('Host')}:${blanks()}a.example${pick(['', '', '', ':80'])}`);
  for (let i = below(4); i > 0; --i) lines.push(`${pick(names)}:${blanks()}${pick(values)}${blanks()}`);
  if (!below(8)) lines.push(`Connection:${blanks()}upgrade`, `Upgrade: ${pick(['websocket', 'h2c', 'x, y'])}`);
  const framing = below(4);
  if (framing === 1) {
    lines.push(`${cased('Content-Length')}:${blanks()}${pick(['', '', '0', '000'])}${body.length}${blanks()}`);
    content = body;
  } else if (framing === 2) {
    lines.push(`${cased('Transfer-Encoding')}:${blanks()}${cased('chunked')}${blanks()}`);
    const extension = () => below(3) ? '' : pick(extensions);
    for (let at = 0; at < body.length;) {
      const size = 1 + below(body.length - at);
      const digits = pick(['', '', '0', '000']) + cased(size.toString(16));
      content += `${digits}${extension()}\r\n${body.slice(at, at + size)}\r\n`;
      at += size;
    }
    content += `${pick(['0', '0', '00'])}${extension()}\r\n`;
    for (let i = below(3); i > 1; --i) content += `${pick(names)}:${blanks()}${pick(values)}${blanks()}\r\n`;
    content += '\r\n';
  }
  for (let i = lines.length; i > 1; --i) {
    const other = below(i);
    [lines[i - 1], lines[other]] = [lines[other], lines[i - 1]];
  }
  const method = below(10) ? pick(['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH'])
    : pick(['CONNECT', 'TRACE', 'PURGE', 'M-SEARCH', 'get', 'PRI', 'SOURCE', 'ANNOUNCE', 'QUERY', 'OTHER', 'GE']);
  const version = pick(['1.1', '1.1', '1.1', '1.1', '1.1', '1.0']);
  const line = `${method} ${below(3) ? pick(targets.slice(0, 3)) : pick(targets)} HTTP/${version}`;
  return [line, ...lines, '', content].join('\r\n');
}

function mutate(text, below) {
  const at = below(text.length + 1);
  const rest = below(4) ? 1 : below(20);
  const fragment = fragments[below(fragments.length)];
  switch (below(6)) {
    case 0: return text.slice(0, at) + fragment + text.slice(at);
    case 1: return text.slice(0, at) + fragment + text.slice(at + rest);
    case 2: return text.slice(0, at) + text.slice(at + rest);
    case 3: return text.slice(0, at) + text.slice(at, at + rest) + text.slice(at);
    case 4: return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
    default: { // beside a line's or a field's parts, where it matters most
      const places = [...text.matchAll(/[\r\n:; ]/g)].map((match) => match.index + below(2));
      const place = places[below(places.length)];
      return text.slice(0, place) + fragment + text.slice(place);
    }
  }
}

function make_stream(below) {
  let text = make_request(below);
  if (below(3) === 0) text += make_request(below);
  for (let i = below(4); i > 0; --i) text = mutate(text, below);
  return Buffer.from(text, 'latin1');
}

// --------------------------------------------------------------------------------------------- reading

/// Byte by byte, so that the end of a message is known.
function read_by_node(stream) {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, 0, 0);
  const read = { messages: [], error: '' };
  let flushed = { fields: [], target: '' };
  let message;
  let at = 0;
  parser[HTTPParser.kOnMessageBegin] = () => { flushed = { fields: [], target: '' }; };
  parser[HTTPParser.kOnHeaders] = (fields, target) => {
    flushed.fields.push(...fields);
    flushed.target += target;
  };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, fields, method, target, status, text, upgrade, keep_alive) => {
    message = {
      method: (allMethods ?? methods)[method], target: target ?? flushed.target, minor, upgrade, keep_alive,
      fields: pairs(fields ?? flushed.fields), body: '', trailers: [], complete: false,
    };
    flushed = { fields: [], target: '' };
    read.messages.push(message);
    return 0;
  };
  // Node 18 gives the whole input and a place in it.
  parser[HTTPParser.kOnBody] = (data, begin = 0, size = data.length) => {
    message.body += data.toString('latin1', begin, begin + size);
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    message.trailers = pairs(flushed.fields);
    message.complete = true;
    message.end = at + 1;
  };
  for (; at < stream.length; ++at) {
    const result = parser.execute(stream.subarray(at, at + 1));
    if (result instanceof Error) {
      read.error = `${result.code}: ${result.reason}`;
      break;
    }
    if (message?.complete && (message.upgrade || !message.keep_alive)) break;
  }
  parser.close();
  return read;
}

const pairs = (list) => Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]]);
const from_hex = (text) => Buffer.from(text, 'hex').toString('latin1');

function read_by_router(streams) {
  const input = streams.map((stream) => `${stream.toString('hex')}\n`).join('');
  const run = spawnSync(reader, { input, encoding: 'latin1', maxBuffer: 2 ** 28 });
  if (run.status !== 0) {
    console.error(`differential: ${reader} failed: ${run.error ?? run.stderr}`);
    process.exit(1);
  }
  return run.stdout.trimEnd().split('\n').map((line) => {
    const read = JSON.parse(line);
    for (const message of read.messages) {
      for (const text of ['method', 'target', 'host', 'body', 'trailers']) message[text] = from_hex(message[text]);
      message.fields = message.fields.map((pair) => pair.map(from_hex));
      message.trailers = message.trailers.split('\r\n').slice(0, -1).map((text) => {
        const colon = text.indexOf(':');
        return [text.slice(0, colon), text.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
      });
    }
    return read;
  });
}

// ------------------------------------------------------------------------------------------- comparing

const seen = { requests: 0, both: 0, 'refused by the router alone': 0, forwarded: 0 };
const explained = new Map();

/// Why it is right that the router reads what llhttp refuses or reads otherwise; "": it is not.
function explanation(what, here, there, stream) {
  // Methods are an open set (RFC 9110, section 16.1); Node.js's is closed, and llhttp's has RTSP's, which it refuses.
  if (/HPE_INVALID_(METHOD|CONSTANT)/.test(what) && !methods.includes(here.method))
    return 'a method that Node.js does not know';
  // Raw UTF-8 in a path has one reading; newer llhttp refuse it.
  if (what.includes('HPE_INVALID_URL') && /[\x80-\xff]/.test(here.target)) return 'bytes above 0x7f in a target';
  // A tab is a blank (RFC 9110, section 5.6.3), and not forwarded. llhttp takes no such coding for chunked, and if an
  // upgrade is asked for, no body for one.
  if ((/HPE_INVALID_(CONTENT_LENGTH|TRANSFER_ENCODING)/.test(what) || there?.upgrade) && !here.is_forwarded &&
      /^(content-length|transfer-encoding):[^\r]*\t[ \t]*\r/im.test(stream)) return 'a tab behind framing';
  return '';
}

const reduced = (target) => target.replace(/^https?:\/\/[^/?#]*/i, '') || '/';

/// What two readings of one message differ in; "": nothing.
function difference(ours, theirs) {
  const parts = {
    method: [ours.method, theirs.method],
    target: [ours.target, reduced(theirs.target)],
    version: [ours.minor, theirs.minor],
    fields: [ours.fields, theirs.fields],
    body: [ours.body, theirs.body],
  };
  if (ours.complete || theirs.complete)
    Object.assign(parts, { end: [ours.complete && ours.end, theirs.complete && theirs.end],
      trailers: [ours.trailers, theirs.trailers] });
  for (const [part, [here, there]] of Object.entries(parts))
    if (JSON.stringify(here) !== JSON.stringify(there))
      return `${part}: ${JSON.stringify(here)} here, ${JSON.stringify(there)} there`;
  return '';
}

/// What the two readings of a stream differ in, where both took it.
function compare(ours, theirs, stream) {
  for (let i = 0; ; ++i) {
    const here = ours.messages[i];
    const there = theirs.messages[i];
    const refused_here = !here?.complete && !/^(an incomplete|the end of the stream)/.test(ours.why);
    if (!here && !there) return '';
    if (refused_here) {
      ++seen['refused by the router alone'];
      return '';
    }
    const what = here && !there?.complete && theirs.error ? `taken here, refused there: ${theirs.error}`
      : !here || !there ? `a message only ${here ? 'here' : 'there'}, ${ours.why}` : difference(here, there);
    if (what) {
      const why = here && explanation(what, here, there, stream.toString('latin1'));
      if (!why) return what;
      explained.set(why, (explained.get(why) ?? 0) + 1);
      return '';
    }
    ++seen.both;
    if (!here.complete || !here.keep_alive || here.upgrade || !there.keep_alive || there.upgrade) return '';
  }
}

const shown = (stream) => JSON.stringify(stream.toString('latin1'));

/// The shortest stream of each kind.
const failures = new Map();
let seed = first_seed;
function fail(what, stream, of) {
  const kind = what.replace(/^(\w+): .*/s, '$1') + (of ? ' forwarded' : '');
  const kept = failures.get(kind);
  if (!kept || stream.length < kept.stream.length) failures.set(kind, { seed, what, stream, of });
}

function check(streams) {
  const forwarded = [];
  read_by_router(streams).forEach((ours, i) => {
    ++seen.requests;
    const differs = compare(ours, read_by_node(streams[i]), streams[i]);
    if (differs) fail(differs, streams[i]);
    for (const message of ours.messages)
      if (message.complete && message.host)
        forwarded.push({ message, of: streams[i], stream: Buffer.from(message.forwarded, 'hex') });
  });
  read_by_router(forwarded.map((each) => each.stream)).forEach((again, i) => {
    const { message, of, stream } = forwarded[i];
    ++seen.forwarded;
    const there = read_by_node(stream);
    const sent = { ...message, is_forwarded: true, minor: 1, fields: again.messages[0]?.fields, end: stream.length };
    const framing = sent.fields?.filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name)).length;
    const differs = again.messages.length !== 1 || framing > 1 ? 'not one message with one framing'
      : compare({ messages: [sent], why: 'the last message' }, there, stream);
    if (differs) fail(differs, stream, of);
    else if (there.messages.length > 1) fail('more than one message there', stream, of);
    else if (there.messages.some((each) => each.upgrade !== message.upgrade || !each.keep_alive))
      fail('another end of the connection there', stream, of);
  });
}

console.log(`llhttp ${process.versions.llhttp} of Node.js ${process.version}, seed ${first_seed}`);
const until = Date.now() + seconds * 1000;
for (; Date.now() < until; ++seed) {
  const below = random_of(seed);
  check(Array.from({ length: batch_size }, () => make_stream(below)));
}
for (const { seed: of_seed, what, stream, of } of failures.values())
  console.log(`seed ${of_seed}: ${what}\n  ${shown(stream)}${of ? `\n  forwarded for ${shown(of)}` : ''}`);
for (const [what, count] of Object.entries(seen)) console.log(`${what}: ${count}`);
for (const [why, count] of explained) console.log(`refused by llhttp alone, ${why}: ${count}`);
if (seen.both === 0 || seen.forwarded === 0) {
  console.log('no message was taken by both: nothing was compared');
  process.exit(1);
}
process.exit(failures.size > 0 ? 1 : 0);
