const path = require('node:path');

const prompts = path.join(__dirname, '..', 'prompts');

module.exports = [
  {
    id: 'check-task',
    name: 'Task Checker',
    description: 'Says whether tasks are left.',
    promptPath: path.join(prompts, 'agents', 'check-task.md'),
    behavior: { type: 'loop', action: 'stepBack' },
  },
  {
    id: 'commit-again',
    name: 'Commit Again',
    promptPath: path.join(prompts, 'agents', 'commit-again.md'),
    behavior: { type: 'trigger', action: 'mainAgentCall', triggerAgentId: 'git-commit' },
  },
  {
    id: 'sign-off',
    name: 'Sign-off',
    promptPath: path.join(prompts, 'agents', 'sign-off.md'),
    behavior: { type: 'checkpoint', action: 'evaluate' },
  },
  {
    id: 'call-spare',
    promptPath: path.join(prompts, 'agents', 'sign-off.md'),
    behavior: { type: 'trigger', action: 'mainAgentCall', triggerAgentId: 'spare' },
  },
];
