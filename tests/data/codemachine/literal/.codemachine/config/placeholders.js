{
  prompts_dir: '.codemachine/prompts',
  team: 'the blue team',
  plan_file: 'docs/plan.md',
};
