"""What disks say of files, any of which may never answer; where the bytes of a file are."""
