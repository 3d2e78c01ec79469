throw new Error('an example is not run');
