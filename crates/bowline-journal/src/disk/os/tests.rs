//! Real files: reading, writing, renaming, and the lock.

use super::*;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("bowline-journal-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_directory_is_made_and_files_keep_what_is_written() {
    let scratch = Scratch::new("files");
    let disk = OsDisk::new(scratch.0.join("a/b")).unwrap();
    let file = disk.create("x.tmp").unwrap();
    assert!(file.is_empty().unwrap());
    file.write_at(3, b"abc").unwrap();
    file.sync().unwrap();
    disk.rename("x.tmp", "x").unwrap();
    disk.sync_dir().unwrap();
    let mut bytes = [0xff; 6];
    disk.open("x").unwrap().read_at(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\0\0\0abc");
    assert_eq!(file.len().unwrap(), 6);
    let beyond = file.read_at(4, &mut bytes).unwrap_err();
    assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(disk.list().unwrap(), ["x"]);
    disk.unlink("x").unwrap();
    assert!(disk.list().unwrap().is_empty());
    assert_eq!(disk.open("x").unwrap_err().kind(), io::ErrorKind::NotFound);
    if cfg!(unix) {
        assert!(disk.free_bytes().unwrap().unwrap() > 0);
    }
}

#[test]
fn the_lock_is_exclusive_and_ends_with_its_holder() {
    let scratch = Scratch::new("lock");
    let disk = OsDisk::new(&scratch.0).unwrap();
    let lock = disk.lock().unwrap();
    let second = OsDisk::new(&scratch.0).unwrap();
    assert_eq!(second.lock().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(lock);
    second.lock().unwrap();
}
