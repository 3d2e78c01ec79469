//! What the tables hold.
//!
//! Always so: a property is asked of every row.

use proptest::prelude::*;

use super::*;

#[test]
fn a_second_start_is_refused_in_the_recorded_words() {
    for status in [
        ProtocolStatus::Running,
        ProtocolStatus::Completed,
        ProtocolStatus::Planning,
    ] {
        let error = status.after(ProtocolAction::Start).unwrap_err();
        assert_eq!(error.to_string(), "Protocol already running or terminal");
    }
    let error = ProtocolStatus::Paused
        .after(ProtocolAction::Start)
        .unwrap_err();
    assert!(error.to_string().starts_with("the protocol is paused"));
}

#[test]
fn no_pair_is_in_a_table_twice() {
    for &status in ProtocolStatus::ALL {
        for (action, ..) in PROTOCOL {
            let rows = PROTOCOL
                .iter()
                .filter(|(a, froms, _)| a == action && froms.contains(&status));
            assert!(rows.count() <= 1, "{action:?} from {status}");
        }
    }
}

proptest! {
    #[test]
    fn an_ended_protocol_stays_ended(
        from in prop::sample::select(ProtocolStatus::ALL),
        row in prop::sample::select(PROTOCOL),
    ) {
        if let Ok(to) = from.after(row.0) && from.is_terminal() {
            prop_assert!(to == from || (from == ProtocolStatus::Failed && to == ProtocolStatus::Cancelled));
        }
    }

    #[test]
    fn a_cancelled_step_stays_cancelled(row in prop::sample::select(STEP)) {
        prop_assert!(StepStatus::Cancelled.after(1, row.0).is_err());
    }
}
