// What an experiment file may say.
#include "model/train/experiment_fields.hpp"

namespace bitloom {

namespace {

const FileSection& row_fields() {
  static const FileSection section{
      "experiment_row",
      "One way to train, by several seeds.",
      {fields::text("name", "What the row is called.")
           .checked("Unique in the file. Letters, digits, \"_\", \"-\", \"+\" and \".\"; the first is neither \"-\" "
                    "nor \".\"."),
       fields::text("network", "The network: a name in traces/ or a path."),
       fields::text("recipe", "The recipe: a name in traces/ or a path."),
       fields::text("hyper", "The hyper-parameters: a name in traces/ or a path.").or_else("\"default\""),
       fields::text("against", "The row whose accuracy this one's is compared with.")
           .may_be_absent()
           .checked("A row above."),
       fields::text("init", "The row whose trained parameters this one starts from.")
           .may_be_absent()
           .checked("A row above."),
       fields::integer("epochs", 0, 100000, "How long the training is; 0: as the hyper-parameters say.")
           .in("epochs")
           .or_else("0"),
       fields::integer("batch", 0, 65535, "How many samples a step has; 0: as the hyper-parameters say.")
           .in("samples")
           .or_else("0"),
       fields::integer("seeds", 1, 1000, "How many seeds the row is trained with; by default the experiment's.")
           .in("seeds")
           .may_be_absent()}};
  return section;
}

}  // namespace

const FileSection& experiment_fields() {
  static const FileSection section{
      "experiment",
      "A table of trainings that are compared with each other.",
      {fields::text("name", "What results call the experiment."),
       fields::integer("train_limit", 0, 100000000, "Only so many first training samples are used; 0: all.")
           .in("samples")
           .or_else("0"),
       fields::integer("seeds", 1, 1000, "How many seeds a row is trained with.").in("seeds"),
       fields::objects("rows", row_fields(), "The trainings, in an order in which they can run.")}};
  return section;
}

}  // namespace bitloom
