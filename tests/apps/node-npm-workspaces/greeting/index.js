module.exports = 'Hello from an npm workspace';
