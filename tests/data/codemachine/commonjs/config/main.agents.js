const path = require('node:path');

const promptsDir = path.join(__dirname, '..', 'prompts', 'templates');
const inCrew = (...names) => path.resolve(promptsDir, 'crew', ...names);

module.exports = [
  {
    id: 'architect',
    name: 'Architect',
    description: 'Decides what is built.',
    promptPath: [inCrew('persona.md'), inCrew('architect.md')],
    chainedPromptsPath: [
      inCrew('chained'),
      { path: inCrew('architect.md'), conditionsAny: ['never-chosen'] },
    ],
    engine: 'claude',
    model: 'opus',
    modelReasoningEffort: 'high',
  },
  { id: 'phases', type: 'folder', model: 'gpt-5', engine: 'codex' },
  ...['frontend', 'backend'].map((part) => ({
    id: `${part}-developer`,
    name: `${part[0].toUpperCase()}${part.slice(1)} Developer`,
    promptPath: inCrew('developer.md'),
    mirrorPath: path.relative(path.dirname(__dirname), path.join(promptsDir, '..', 'mirror', `${part}.md`)),
  })),
];
