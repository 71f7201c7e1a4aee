use super::*;

const LONG: Duration = Duration::from_mins(10);

#[test]
fn alive_while_the_loop_beats() {
    let health = Health::new(LONG, [""; 0]);
    assert_eq!(health.silent_for(), None);
}

#[test]
fn silent_after_its_patience_and_alive_again_after_a_beat() {
    let health = Health::new(LONG, [""; 0]);
    let Some(long_ago) = Instant::now().checked_sub(2 * LONG) else {
        panic!("the machine has been up for less than 20 minutes: its clock cannot say so");
    };
    health.seen().last_beat = long_ago;
    assert!(health.silent_for().unwrap() >= 2 * LONG);
    health.beat();
    assert_eq!(health.silent_for(), None);
}

#[test]
fn ready_when_everything_has_arrived() {
    let health = Health::new(LONG, ["b", "a"]);
    assert_eq!(health.waits_for(), ["a", "b"]);
    health.arrived("a");
    health.arrived("never heard of");
    health.wait_for("c");
    assert_eq!(health.waits_for(), ["b", "c"]);
    health.arrived("b");
    health.arrived("c");
    assert!(health.waits_for().is_empty());
}
