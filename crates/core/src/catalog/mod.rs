//! Every Windmill script's argument and result types, the flow builder, and the seven flows written with it.
