//! `full_protocol`: plans, runs every step as it becomes ready, judges the whole, and opens a pull request.
//!
//! Always so: a step that a policy sent back runs again, because what is ready is asked anew each round; and no loop is
//! without a bound.

use super::common::{
    Execution, Registered, execute_call, flow as named, project_id, qa_call, register,
};
use crate::catalog::scripts::{
    handle_feedback as feedback, open_pr, plan_protocol, protocol_plan_and_wait as plan_and_wait,
    protocol_select_next_step as select, run_quality as quality, step_execute_api as execute,
};
use crate::catalog::{
    Body, BuildError, Done, Expr, FlowBuilder, FlowDefinition, ForEach, Rounds, Unsure,
};
use crate::protocol::{SelectedStep, StepStatus};

/// How often ready steps are claimed before the verdict is asked for anyway.
const ROUNDS: i64 = 500;
/// How often the whole is judged, and one of what failed sent back. A single step is sent back less often: then the verdict
/// says that someone has to look at it.
const ATTEMPTS: i64 = 20;

pub(super) fn flow() -> Result<FlowDefinition, BuildError> {
    let mut flow = named(
        "full_protocol",
        "Plans a protocol and runs it to its end",
        "Plans a protocol: the one that is given, or a new one for a feature request. Then it claims \
         all steps that are ready and runs them side by side, each with its check, until none is \
         left. A verdict for the whole follows: it opens a pull request, has what failed tried \
         again, or asks for help. Yields what `open_pr` or `handle_feedback` yields.",
    );
    let inputs = Inputs::declare(&mut flow);
    let run = Registered {
        run_kind: "exec",
        project_id: inputs.project_id.clone(),
        protocol_run_id: Some(inputs.protocol_run_id.clone()),
        step_run_id: None,
    };
    register(&mut flow, run);
    let body = flow.body();
    let protocol = plan(body, &inputs);
    let about = "Until the whole has passed, or someone has to look at it";
    let judged = body.repeat("attempts", about, |body, attempt| {
        run_steps(body, &protocol);
        judge(body, &protocol, &attempt)
    });
    conclude(body, &judged, &protocol, inputs);
    flow.build()
}

/// What the flow is given, beside what every flow is.
struct Inputs {
    project_id: Expr<Option<i64>>,
    protocol_run_id: Expr<Option<i64>>,
    feature_request: Expr<Option<String>>,
    protocol_name: Expr<Option<String>>,
    branch_name: Expr<Option<String>>,
    agent_id: Expr<String>,
}

impl Inputs {
    fn declare(flow: &mut FlowBuilder) -> Self {
        let mut text = |name, about| flow.input::<String>(name, about).blank(String::new());
        let feature_request = text(
            "feature_request",
            "What is wanted, in words. Needed when there is no protocol_run_id.",
        );
        let protocol_name = text("protocol_name", "The name of the new protocol.");
        let branch_name = text("branch_name", "The branch of the new protocol.");
        let about = "The agent to which the new protocol's steps are assigned.";
        let agent_id = flow.input::<String>("agent_id", about).default("codex");
        let about = "A protocol run that exists, instead of a new one for the request.";
        let protocol_run_id = flow.input::<i64>("protocol_run_id", about).blank(0);
        Self {
            project_id: project_id(flow),
            protocol_run_id,
            feature_request,
            protocol_name,
            branch_name,
            agent_id,
        }
    }
}

/// Adds the planning. Yields the protocol run.
fn plan(body: &mut Body, inputs: &Inputs) -> Expr<i64> {
    let given = &inputs.protocol_run_id;
    let planned = body.choose("plan", "Which protocol?", |branches| {
        branches.when_some("The one that is given", given, |body, protocol| {
            body.step(
                "plan_and_wait",
                plan_and_wait::call(protocol).step().retry(2, 5),
            );
        });
        branches.otherwise(|body| {
            body.step("plan_protocol", plan_new(inputs));
        });
    });
    // The loop that follows must not stand right behind the step that it reads.
    body.identity("planned", "The protocol is planned");
    let made = planned.perhaps(plan_protocol::Output::protocol_run_id);
    given.or_maybe(made).or(0)
}

fn plan_new(inputs: &Inputs) -> plan_protocol::Call {
    let project_id = inputs.project_id.or(0);
    plan_protocol::call(project_id, inputs.feature_request.or(""))
        .protocol_name(&inputs.protocol_name)
        .branch_name(&inputs.branch_name)
        .agent_id(&inputs.agent_id)
}

/// Adds the loop that claims all ready steps and runs them side by side, until none is left.
fn run_steps(body: &mut Body, protocol: &Expr<i64>) {
    body.repeat("run_steps", "Until no step is ready", |body, round| {
        let call = select::call(protocol).all(true).step().retry(2, 1);
        let claimed = body.step(
            "claim_steps",
            call.stop_after_if(|claimed| {
                let none = claimed.get(select::Output::steps).is_empty();
                none.or(round.at_least(ROUNDS))
            }),
        );
        let steps = claimed.get(select::Output::steps);
        let each = ForEach::of(steps, "Every claimed step").parallel();
        body.for_each("run_claimed", each, |body, claimed| run_one(body, &claimed));
        claimed
    });
}

/// Adds one step's execution and check. What follows from a failure the API has decided; the next round asks it.
fn run_one(body: &mut Body, claimed: &Expr<SelectedStep>) -> Done<Unsure> {
    let execution = Execution {
        step_run_id: claimed.get(SelectedStep::step_run_id),
        claim: Some(claimed.get(SelectedStep::claim).optional()),
        gates: None,
    };
    let call = execute_call(&execution).step().continue_on_error();
    let executed = body.step("execute_step", call);
    let checked = executed
        .maybe(execute::Output::status)
        .is_not(StepStatus::NeedsQa);
    let call = qa_call(&execution).step().continue_on_error();
    body.step("run_qa", call.skip_if(checked))
}

/// Adds the verdict for the whole, and another try of what failed.
fn judge(body: &mut Body, protocol: &Expr<i64>, attempt: &Expr<i64>) -> Done<quality::Output> {
    let call = quality::call(protocol).step();
    let verdict = body.step(
        "qa_check",
        call.stop_after_if(|verdict| {
            let blocked = verdict
                .get(quality::Output::blocking_failures)
                .is_empty()
                .not();
            let over = verdict.get(quality::Output::passed).or(blocked);
            over.or(attempt.at_least(ATTEMPTS - 1))
        }),
    );
    let call = feedback::call(feedback::Action::Retry)
        .context(verdict.result().as_object())
        .step_run_id(verdict.get(quality::Output::failed_step_run_id))
        .protocol_run_id(protocol);
    body.step("retry_failed_step", call);
    verdict
}

/// Adds what follows from the last verdict.
fn conclude(
    body: &mut Body,
    judged: &Done<Rounds<quality::Output>>,
    protocol: &Expr<i64>,
    inputs: Inputs,
) {
    let verdict = judged.last();
    let passed = verdict.get(quality::Output::passed);
    body.choose("qa_verdict_branch", "Has the whole passed?", |branches| {
        branches.when("Passed", passed.is(true), |body| {
            let request = inputs.feature_request;
            let title = request.map(|request| request.after("[DevGodzilla] "));
            body.step("open_pr", open_pr::call(protocol).title(title));
        });
        branches.when("Not passed", passed.is(false), |body| {
            let blocking = verdict.get(quality::Output::blocking_failures);
            let action =
                (blocking.is_empty()).choose(feedback::Action::Block, feedback::Action::Clarify);
            let call = feedback::call(action)
                .context(verdict.as_object())
                .step_run_id(verdict.get(quality::Output::failed_step_run_id))
                .protocol_run_id(protocol);
            body.step("handle_feedback", call);
        });
    });
}
