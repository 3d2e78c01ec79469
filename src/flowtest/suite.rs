//! Many tests, on all cores.
//!
//! Always so: reports come in the order of the files and of the tests in them, however they ran.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millwright_core::openflow::{Flow, ModuleValue};

use super::check::{Steps, problems};
use super::coverage::Hits;
use super::error::Problem;
use super::read::{Loaded, load};
use super::run::{TestReport, run};
use super::update::update;
use super::{At, Coverage, FlowTestError, Test};
use crate::mill::{MillOptions, Prepared, on_stages};

/// How many jobs a test's flow may begin.
const MOST_JOBS: usize = 200_000;

/// Files of tests with their flows.
pub struct Suite {
    pub(super) files: Vec<Loaded>,
    options: MillOptions,
}

/// What came of all tests.
#[derive(Debug)]
pub struct SuiteReport {
    /// Each test that ran.
    pub tests: Vec<TestReport>,
    /// Mocks of a whole file that no test used.
    pub unused: Vec<Problem>,
    /// What was reached.
    pub coverage: Coverage,
    /// How long it took in real time.
    pub wall: Duration,
}

impl SuiteReport {
    /// Whether all is well.
    pub fn passed(&self) -> bool {
        self.unused.is_empty() && self.tests.iter().all(TestReport::passed)
    }
}

impl Suite {
    /// Reads files of tests; flows and scripts are found as the options say, and by their paths below `root`.
    ///
    /// # Errors
    /// [`FlowTestError::Problems`] with everything that is wrong.
    pub fn load(
        files: &[PathBuf],
        root: &Path,
        options: MillOptions,
    ) -> Result<Self, FlowTestError> {
        let (mut loaded, mut found) = (Vec::new(), Vec::new());
        for file in files {
            match load(file, root, &options.sources) {
                Ok(one) => {
                    found.extend(problems(&one, &Steps::of(&one.prepared)));
                    loaded.push(one);
                }
                Err(problem) => found.push(problem),
            }
        }
        if found.is_empty() {
            let files = loaded;
            Ok(Self { files, options })
        } else {
            Err(FlowTestError::Problems(found))
        }
    }

    /// Runs the tests whose names hold `filter`; all of them without one.
    ///
    /// # Errors
    /// [`FlowTestError::NoneChosen`], or where the system gives no thread.
    pub fn run(&self, filter: Option<&str>) -> Result<SuiteReport, FlowTestError> {
        let begun = Instant::now();
        let chosen = |test: &&At<Test>| filter.is_none_or(|text| test.name.contains(text));
        let of_file = |file| {
            tests_of(file)
                .iter()
                .filter(chosen)
                .map(move |test| (file, test))
        };
        let work: Vec<(&Loaded, &At<Test>)> = self.files.iter().flat_map(of_file).collect();
        if let (Some(filter), []) = (filter, work.as_slice()) {
            return Err(FlowTestError::NoneChosen(filter.to_owned()));
        }
        let tests = on_stages(&self.options, MOST_JOBS, &work, |stage, (file, test)| {
            run(stage, file, test)
        })?;
        let mut hits = Hits::default();
        for test in &tests {
            hits.merge(&test.hits);
        }
        Ok(SuiteReport {
            unused: if filter.is_none() {
                self.unused(&tests)
            } else {
                Vec::new()
            },
            coverage: hits.coverage(&self.flows()),
            tests,
            wall: begun.elapsed(),
        })
    }

    /// Writes what a report found into the files of the tests that failed, and says whether any file changed.
    ///
    /// # Errors
    /// Where a file is laid out in a way that cannot be updated, or cannot be written.
    pub fn update(&self, report: &SuiteReport) -> Result<bool, FlowTestError> {
        let mut changed = false;
        for file in &self.files {
            let of_file = report.tests.iter().filter(|test| test.file == file.file);
            let of_file: Vec<&TestReport> = of_file.collect();
            let problem = |message| {
                FlowTestError::Problems(vec![Problem {
                    file: file.file.clone(),
                    line: None,
                    message,
                }])
            };
            let text = update(&file.text, &file.tests, &of_file).map_err(problem)?;
            if text != file.text {
                std::fs::write(&file.file, text)?;
                changed = true;
            }
        }
        Ok(changed)
    }

    /// The options that it was made with.
    pub fn into_options(self) -> MillOptions {
        self.options
    }

    /// Mocks of whole files that no test used.
    fn unused(&self, tests: &[TestReport]) -> Vec<Problem> {
        let mut unused = Vec::new();
        for file in &self.files {
            let of_file = tests.iter().filter(|test| test.file == file.file);
            let used: HashSet<&String> = of_file.flat_map(|test| test.used.keys()).collect();
            let ids = file
                .tests
                .mocks
                .keys()
                .filter(|id| !used.contains(&id.value));
            unused.extend(ids.map(|id| Problem {
                file: file.file.clone(),
                line: Some(id.line),
                message: format!("no test used the mock of `{}`", id.value),
            }));
        }
        unused
    }

    /// The flows by their names, with those that they lead to; of each, whether it has tests of its own.
    fn flows(&self) -> BTreeMap<String, (bool, Arc<Flow>)> {
        let mut flows = BTreeMap::new();
        for file in &self.files {
            add_sub_flows(file.prepared.flow(), &file.prepared, &mut flows);
        }
        for file in &self.files {
            flows.insert(file.name.clone(), (true, Arc::clone(file.prepared.flow())));
        }
        flows
    }
}

fn tests_of(file: &Loaded) -> &[At<Test>] {
    &file.tests.tests
}

fn add_sub_flows(
    flow: &Flow,
    prepared: &Prepared,
    flows: &mut BTreeMap<String, (bool, Arc<Flow>)>,
) {
    let mut paths = Vec::new();
    flow.value.walk("", &mut |_, module| {
        if let ModuleValue::Flow(inner) = &module.value {
            paths.push(inner.path.clone());
        }
    });
    for path in paths {
        if let (false, Some(inner)) = (flows.contains_key(&path), prepared.sub_flow(&path)) {
            flows.insert(path, (false, Arc::clone(&inner)));
            add_sub_flows(&inner, prepared, flows);
        }
    }
}
