//! Windmill's OpenFlow types: parsed from JSON and YAML, printed back, with what is not understood kept and known.
