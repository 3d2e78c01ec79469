const subAgents = [
  { id: 'tester', name: 'Tester', promptPath: 'prompts_dir/tester.md', mirrorPath: 'docs/tests.md' },
];
