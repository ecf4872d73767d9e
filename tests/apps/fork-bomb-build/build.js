// Starts processes until something stops it; 5000 at most, should nothing do so.
const { spawn } = require('child_process');

let started = 0;
const refused = (error) => {
  console.error(`no process ${started}: ${error.code}`);
  process.exit(1);
};
const next = () => {
  if (started >= 5000) return refused({ code: 'not stopped' });
  ++started;
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  child.on('error', refused);
  child.on('spawn', next);
};
next();
