console.error("The licence file is missing.");
process.exit(3);
