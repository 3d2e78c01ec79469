module.exports = {
  userDir: {
    specifications: '.codemachine/inputs/specifications.md',
    tasks: '.codemachine/artifacts/tasks.json',
  },
  packageDir: {
    rules: 'prompts/agents/rules.md',
  },
};
