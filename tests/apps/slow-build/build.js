// Never ends by itself.
setInterval(() => {}, 1000);
console.log('this build takes its time');
