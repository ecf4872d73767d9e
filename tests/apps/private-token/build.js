// What the build was told, without telling it on.
const { createHash } = require("crypto");
const { mkdirSync, writeFileSync } = require("fs");

mkdirSync("dist", { recursive: true });
writeFileSync("dist/index.html", createHash("sha256").update(process.env.NPM_TOKEN).digest("hex"));
