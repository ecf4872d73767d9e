console.log(`seeding for ${process.env.WHO || 'nobody'}`);
process.exitCode = process.env.WHO ? 0 : 3;
