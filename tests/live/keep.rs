//! Backups: what is brought back is all of one moment, so the flow goes on from it.

use crate::equal::equal;
use crate::stack::{Stack, docker};

pub fn backup_restored(stack: &Stack) {
    stack.up();
    stack.rename_region(1, "in the backup");
    // Written and not waited for: wherever in the pipeline the change is when everything stops, it is not lost.
    stack.pipectl(&["reset", "all", "--backup", "whole.tar", "--yes"]).succeeded();
    assert_eq!(docker(&["volume", "ls", "-q", "--filter", &stack.label]), "", "nothing is left but the file");
    stack.pipectl(&["restore", "whole.tar"]).succeeded();
    stack.pipectl(&["restore", "whole.tar"]).exited(1).says("is not empty");
    assert_eq!(docker(&["ps", "-aq", "--filter", &stack.label]), "", "no container is left over");
    stack.up();
    assert_eq!(stack.sql("postgres-source", "SELECT name FROM regions WHERE region_id = 1"), "in the backup");
    stack.await_region(1, "in the backup");
    // The flow goes on where it was.
    stack.rename_region(1, "after the restore");
    stack.await_region(1, "after the restore");
    equal(stack);
    std::fs::remove_file(stack.path().join("whole.tar")).expect("the backup is there");
}
