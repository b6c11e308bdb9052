"""The commands, one file each: signature, help, examples, output. The work is done in the directories beside."""
