module.exports = [
  { id: 'until-green', behavior: 'loop', action: 'stepBack', max_iterations: 3, step_back: 1, skip_steps: [0] },
  {
    id: 'tell-review',
    behavior: { type: 'trigger', action: 'mainAgentCall', triggerAgentId: 'review' },
    targetAgentId: 'plan',
    conditions: ['qa_passed'],
  },
];
