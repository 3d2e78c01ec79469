//! What every flow has: the inputs of the seed, `tgz_emit_refs`, the failure step; and execution with QA.
//!
//! Always so: a flow goes on when its run could not be registered.

use crate::catalog::scripts::{
    emit_tasksgodzilla_codex_refs as emit, finish_tasksgodzilla_codex_run as finish,
    step_execute_api as execute, step_run_qa_api as qa,
};
use crate::catalog::{Body, Expr, FlowBuilder, GENERATED, Object};
use crate::protocol::StepStatus;

/// What a run is registered as, beside its job.
pub(super) struct Registered<'a> {
    /// What the run is for.
    pub(super) run_kind: &'a str,
    /// The project.
    pub(super) project_id: Expr<Option<i64>>,
    /// The protocol run.
    pub(super) protocol_run_id: Option<Expr<Option<i64>>>,
    /// The step run.
    pub(super) step_run_id: Option<Expr<Option<i64>>>,
}

/// A flow at its path.
pub(super) fn flow(name: &str, summary: &str, description: &str) -> FlowBuilder {
    let description = format!("{description}\n\n{GENERATED}");
    FlowBuilder::new(&format!("f/devgodzilla/{name}"), summary, &description)
}

/// The input `project_id`.
pub(super) fn project_id(flow: &mut FlowBuilder) -> Expr<Option<i64>> {
    flow.input::<i64>("project_id", "The project that the run belongs to.")
        .blank(0)
}

/// The input `gates`.
pub(super) fn gates(flow: &mut FlowBuilder) -> Expr<Option<Vec<String>>> {
    flow.input::<Vec<String>>(
        "gates",
        "The gates that QA runs, such as lint, type, test. By default those of the step.",
    )
    .optional()
}

/// Adds `tgz_emit_refs` as the flow's first step, and the failure step that closes what it registered.
pub(super) fn register(flow: &mut FlowBuilder, run: Registered<'_>) {
    let about = "The run's id. By default that of the job that registers it.";
    let run_id = flow
        .input::<String>("tgz_run_id", about)
        .blank(String::new());
    let about = "What is kept on the run as its parameters.";
    let params = flow
        .input::<Object>("tgz_params", about)
        .blank(Object::new());
    let about = "Whether to register log, result and error as artifacts.";
    let attach = flow
        .input::<bool>("tgz_attach_default_artifacts", about)
        .default(true);
    let job_type = format!("windmill_{}", flow.name());
    let mut call = emit::call()
        .run_id(&run_id)
        .job_type(job_type)
        .run_kind(run.run_kind)
        .project_id(run.project_id);
    if let Some(protocol_run_id) = run.protocol_run_id {
        call = call.protocol_run_id(protocol_run_id);
    }
    if let Some(step_run_id) = run.step_run_id {
        call = call.step_run_id(step_run_id);
    }
    let call = call.params(params).attach_default_artifacts(attach);
    let emitted = flow
        .body()
        .step("tgz_emit_refs", call.step().continue_on_error());
    flow.on_failure(|error| {
        let registered = emitted.maybe(emit::Output::run_id).or_maybe(run_id);
        let call = finish::call().run_id(registered).error(error);
        call.step().retry(2, 5)
    });
}

/// What a step is executed and checked with.
pub(super) struct Execution<'a> {
    /// The step run.
    pub(super) step_run_id: Expr<i64>,
    /// The claim on it, where the flow has one.
    pub(super) claim: Option<Expr<Option<String>>>,
    /// The gates to run.
    pub(super) gates: Option<&'a Expr<Option<Vec<String>>>>,
}

/// Adds `execute_step` and, for a step that needs it, `run_qa`. A failed execution fails the flow.
pub(super) fn execute_and_check(body: &mut Body, execution: &Execution<'_>) {
    let executed = body.step("execute_step", execute_call(execution));
    let checked = executed
        .get(execute::Output::status)
        .is_not(StepStatus::NeedsQa);
    body.step("run_qa", qa_call(execution).step().skip_if(checked));
}

/// The call of `step_execute_api`.
pub(super) fn execute_call(execution: &Execution<'_>) -> execute::Call {
    let call = execute::call(&execution.step_run_id);
    match &execution.claim {
        Some(claim) => call.claim(claim),
        None => call,
    }
}

/// The call of `step_run_qa_api`.
pub(super) fn qa_call(execution: &Execution<'_>) -> qa::Call {
    let mut call = qa::call(&execution.step_run_id);
    if let Some(gates) = execution.gates {
        call = call.gates(gates);
    }
    match &execution.claim {
        Some(claim) => call.claim(claim),
        None => call,
    }
}
