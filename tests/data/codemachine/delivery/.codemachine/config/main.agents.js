const path = require('node:path');

const prompt = (name) => path.join(__dirname, '..', 'prompts', 'agents', `${name}.md`);

module.exports = [
  { id: 'analyst', name: 'Analyst', promptPath: prompt('analyst'), engine: 'codex' },
  { id: 'planner', name: 'Planner', description: 'Cuts the work into tasks.', promptPath: prompt('planner') },
  { id: 'coder', name: 'Coder', promptPath: prompt('coder'), model: 'gpt-5-codex' },
  { id: 'environment', name: 'Environment', promptPath: prompt('environment') },
  { id: 'git-commit', name: 'Git Commit', promptPath: prompt('git-commit') },
  { id: 'documenter', name: 'Documenter', promptPath: prompt('documenter'), tracks: ['thorough'] },
  { id: 'spare', name: 'Spare', promptPath: prompt('spare') },
];
