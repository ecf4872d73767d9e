// bcrypt 5 brings no binary in its package: node-gyp compiles it.
const bcrypt = require("bcrypt");

require("http").createServer((_, answer) => {
  answer.end(`Hello, ${bcrypt.compareSync("berth", bcrypt.hashSync("berth", 4))}`);
}).listen(process.env.PORT);
