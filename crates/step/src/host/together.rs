//! A request's head and body leave together: the server wakes once for them, not twice.
//!
//! Always so: all that is to leave has left before an answer is awaited.

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// More than this is not held back.
const MOST: usize = 8 * 1024;

/// Ends a chain of connectors.
#[derive(Debug)]
pub(super) struct Together;

impl<In: Transport> Connector<In> for Together {
    type Out = Held<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Held<In>>, Error> {
        Ok(chained.map(|inner| Held {
            inner,
            output: Vec::new(),
        }))
    }
}

/// A transport whose output is held back until it is enough, or an answer is awaited.
#[derive(Debug)]
pub(super) struct Held<T> {
    inner: T,
    output: Vec<u8>,
}

impl<T: Transport> Held<T> {
    fn release(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        let held = std::mem::take(&mut self.output);
        let mut rest = held.as_slice();
        while !rest.is_empty() {
            let room = self.inner.buffers().output();
            let (part, later) = rest.split_at(rest.len().min(room.len()));
            room[..part.len()].copy_from_slice(part);
            self.inner.transmit_output(part.len(), timeout)?;
            rest = later;
        }
        Ok(())
    }
}

impl<T: Transport> Transport for Held<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = &self.inner.buffers().output()[..amount];
        self.output.extend_from_slice(output);
        if self.output.len() > MOST {
            self.release(timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.release(timeout)?;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
