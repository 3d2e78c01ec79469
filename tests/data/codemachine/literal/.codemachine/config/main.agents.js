// Plain literals, as the first workspaces were written.
export default [
  {
    id: 'plan',
    name: 'Planner',
    description: 'Writes the plan.',
    promptPath: 'prompts_dir/plan.md',
    mirrorPath: 'docs/plan.md',
    engineId: 'codex',
    model: 'gpt-5-codex',
  },
  { agentId: 'build', prompt: 'prompts_dir/build.md', moduleId: ['until-green'] },
  { agent_id: 'review', prompt_path: '.codemachine/prompts/review.md', engine_id: 'claude' },
];
