// What a recipe may say about quantizers, and how it is read.
#include "model/network/view_fields.hpp"

#include <map>
#include <string>

namespace bitloom {

namespace {

using Words = std::vector<std::string>;

FileField rounding(const Words& quantizers) {
  return fields::choice("rounding",
                        {{"half_up", "To the nearest code, halves up.", "N3.1"},
                         {"nearest_even", "To the nearest code, halves to the even one.", "N3.2"},
                         {"floor", "Down.", "N3.3"},
                         {"stochastic", "Up or down at random, right on average.", "N3.4"}},
                        "How a value between two codes is rounded.")
      .only_with("quantizer", quantizers);
}

FileField scale(const Words& quantizers) {
  return fields::choice("scale",
                        {{"exact", "From the tensor itself: its largest value is the largest code.", "N6.1"},
                         {"hindsight", "From the tensor of the step before, so that no pass waits for it.", "N6.2"}},
                        "Where the size of a code's step comes from.")
      .only_with("quantizer", quantizers);
}

FileField own_bits(const Words& quantizers) {
  return fields::one_of("bits", {4, 8}, "The width of these codes; by default the layer's.")
      .in("bits")
      .may_be_absent()
      .only_with("quantizer", quantizers);
}

FileField sawb_factor(const char* key, const char* meaning) {
  return fields::number(key, 0.0, 64.0, meaning).by("N18").only_with("quantizer", {"sawb"});
}

FileField levels(int max, const char* quantizer) {
  return fields::integer("levels", 1, max, "How many codes lie above zero, M.")
      .by("N22.2")
      .only_with("quantizer", {quantizer});
}

FileField clip(const char* quantizer) {
  return fields::number("clip", 1e-3, 1e3, "The value that the largest code stands for; what is beyond is cut off.")
      .by("N22.2")
      .only_with("quantizer", {quantizer});
}

FileField quantizer(std::vector<FieldChoice> choices) {
  return fields::choice("quantizer", std::move(choices), "How values become codes.").or_else("\"max\"");
}

const FieldChoice kMaxWord{"max", "Even steps, the largest value becomes the largest code.", "N6"};
const FieldChoice kSawbWord{"sawb", "Even steps of 4-bit codes, cut off where the mean error is least (SAWB).", "N18"};
const FieldChoice kSignWord{"sign", "The sign only, one bit.", "N22.1"};
const FieldChoice kNitiWord{"niti", "Integers with a power of two for the tensor (NITI).", "N24"};

FileSection group_view_fields(const char* name, const char* word, const char* meaning) {
  return {name,
          "One of the two views that a group quantizer makes of a gradient.",
          {fields::one_of("bits", {1, 2, 4}, "The width of the codes.").in("bits").by("N21"),
           fields::choice("groups",
                          {{"tensor", "All elements share offset and step (PTQ).", "N21.1"}, {word, meaning, "N21.1"}},
                          "Which elements share offset and step.")}};
}

const FileSection& dgrad_fields() {
  static const FileSection section = group_view_fields("dgrad", "sample", "Those of a sample share them (PSQ).");
  return section;
}

const FileSection& wgrad_fields() {
  static const FileSection section = group_view_fields("wgrad", "column", "Those of a column share them (PCQ).");
  return section;
}

void add_log_fields(std::vector<FileField>& to) {
  const auto with_log = [&](FileField field) {
    to.push_back(std::move(field).by("N19").only_with("quantizer", {"log"}));
  };
  with_log(fields::one_of("binades", {4, 6}, "How many powers of two the codes span, R."));
  with_log(fields::choice("top",
                          {{"free", "The largest code stands for the largest value.", "N19.1"},
                           {"power_of_two", "It stands for a power of two.", "N19.1"}},
                          "What the largest code stands for."));
  with_log(fields::integer("samples", 1, 8, "How many independent roundings the weight gradient averages (SMP).")
               .only_with("rounding", {"stochastic"}));
}

void add_group_fields(std::vector<FileField>& to) {
  to.push_back(fields::object("dgrad", dgrad_fields(), "The view that the activation gradient reads.")
                   .only_with("quantizer", {"group"}));
  to.push_back(fields::object("wgrad", wgrad_fields(), "The view that weight and bias gradients read.")
                   .only_with("quantizer", {"group"}));
  to.push_back(fields::choice("pruning",
                              {{"none", "All groups survive.", ""},
                               {"top", "The groups of the largest magnitudes survive.", "N21.4"},
                               {"bernoulli", "Groups survive at random, wide ones more often.", "N21.4"}},
                              "Which groups survive.")
                   .only_with("quantizer", {"group"}));
  to.push_back(fields::integer("factor", 1, 64, "One group of so many survives.")
                   .by("N21.4")
                   .only_with("pruning", {"top", "bernoulli"}));
}

Rounding read_rounding(const FieldReader& json) {
  const auto name = json.get<std::string>("rounding");
  if (name == "half_up") return Rounding::kHalfUp;
  if (name == "nearest_even") return Rounding::kNearestEven;
  return name == "floor" ? Rounding::kFloor : Rounding::kStochastic;
}

void read_own_bits(const FieldReader& json, ViewRule& view) {
  if (json.has("bits")) view.bits = json.get<int>("bits");
}

void read_scale(const FieldReader& json, ViewRule& view) {
  view.scale = json.is("scale", "exact") ? ScaleRule::kExact : ScaleRule::kHindsight;
}

void read_sawb(const FieldReader& json, ViewRule& view) {
  view.bits = 4;
  view.rounding = read_rounding(json);
  view.c1 = json.get<double>("c1");
  view.c2 = json.get<double>("c2");
}

void read_round_clip(const FieldReader& json, ViewRule& view) {
  view.levels = json.get<int>("levels");
  view.clip = json.get<double>("clip");
}

GroupView read_group_view(const FieldReader& view, Groups second) {
  return {view.get<int>("bits"), view.is("groups", "tensor") ? Groups::kTensor : second};
}

void read_group(const FieldReader& json, ViewRule& view) {
  view.rounding = Rounding::kStochastic;
  if (json.has("dgrad")) view.dgrad = read_group_view(json.object("dgrad"), Groups::kSample);  // the first has none
  view.wgrad = read_group_view(json.object("wgrad"), Groups::kColumn);
  if (json.is("pruning", "none")) return;
  view.pruning = json.is("pruning", "top") ? Pruning::kTop : Pruning::kBernoulli;
  view.factor = json.get<int>("factor");
}

void read_log(const FieldReader& json, ViewRule& view) {
  view.rounding = read_rounding(json);
  read_scale(json, view);
  view.binades = json.get<int>("binades");
  view.power_of_two = json.is("top", "power_of_two");
  if (json.has("samples")) view.samples = json.get<int>("samples");
}

void read_max(const FieldReader& json, ViewRule& view) {
  if (json.has("rounding")) view.rounding = read_rounding(json);  // the first layer's activation has none
  read_own_bits(json, view);
}

Quantizer quantizer_of(const std::string& name) {
#define BITLOOM_WORD(each, text, object) {text, Quantizer::each},
  static const std::map<std::string, Quantizer> known{BITLOOM_VIEW_QUANTIZERS(BITLOOM_WORD)};
#undef BITLOOM_WORD
  return known.at(name);
}

}  // namespace

const FileSection& activation_fields() {
  static const FileSection section{
      "activation",
      "How the inputs of a layer become codes.",
      {
          quantizer(
              {kMaxWord, kSawbWord, kSignWord, {"round_clip", "Even steps within a fixed range.", "N22.2"}, kNitiWord}),
          rounding({"max", "sawb"}),
          scale({"max"}),
          own_bits({"max"}),
          fields::flag("unsigned", "Codes 0 to 15 where values cannot be negative, otherwise -7 to 7.")
              .by("N18")
              .only_with("quantizer", {"sawb"}),
          sawb_factor("c1", "The factor of the root of the mean square in the largest value."),
          sawb_factor("c2", "The factor of the mean magnitude, which is taken off."),
          levels(15, "round_clip"),
          clip("round_clip"),
      }};
  return section;
}

const FileSection& weight_fields() {
  static const FileSection section{
      "weight",
      "How the weights of a layer become codes.",
      {
          quantizer({kMaxWord,
                     kSawbWord,
                     kSignWord,
                     {"standardized_round_clip",
                      "Mean 0 and variance 1 by result, then even steps within a fixed range.", "N16.4"},
                     {"lwq", "The stored integer itself (LWQ).", "N23"},
                     kNitiWord}),
          rounding({"max", "sawb"}),
          own_bits({"max", "lwq"}),
          sawb_factor("c1", "The factor of the root of the mean square in the largest value."),
          sawb_factor("c2", "The factor of the mean magnitude, which is taken off."),
          levels(7, "standardized_round_clip"),
          clip("standardized_round_clip"),
      }};
  return section;
}

const FileSection& gradient_fields() {
  static const FileSection section = [] {
    FileSection all{"gradient",
                    "How the gradient of a layer's results becomes codes.",
                    {quantizer({kMaxWord,
                                {"log", "Powers of two (LUQ).", "N19"},
                                {"group", "Even steps by groups, in two views (1-bit FQT).", "N21"},
                                kNitiWord}),
                     rounding({"max"}),
                     fields::choice("rounding",
                                    {{"stochastic", "Up or down at random, right on average.", "N19"},
                                     {"half_up", "To the nearest.", "N19"}},
                                    "How a value between two powers is rounded.")
                         .only_with("quantizer", {"log"}),
                     scale({"max", "log"}), own_bits({"max"})}};
    add_log_fields(all.fields);
    add_group_fields(all.fields);
    return all;
  }();
  return section;
}

const FileSection& first_activation_fields() {
  static const FileSection section{"first_activation",
                                   "How the network's input becomes codes. The host makes them by rule N6.5.",
                                   {quantizer({kMaxWord, kNitiWord}), own_bits({"max"})}};
  return section;
}

const FileSection& first_gradient_fields() {
  static const FileSection section = [] {
    FileSection first = gradient_fields();
    first.name = "first_gradient";
    std::erase_if(first.fields, [](const FileField& field) { return field.key == "dgrad"; });
    return first;
  }();
  return section;
}

ViewRule read_view(const FieldReader& json) {
  ViewRule view;
  view.quantizer = quantizer_of(json.get<std::string>("quantizer"));
  switch (view.quantizer) {
    case Quantizer::kMax:
      read_max(json, view);
      if (json.has("scale")) read_scale(json, view);
      break;
    case Quantizer::kSawb:
      read_sawb(json, view);
      if (json.has("unsigned")) view.is_unsigned = json.get<bool>("unsigned");
      break;
    case Quantizer::kRoundClip:
    case Quantizer::kStandardizedRoundClip:
      read_round_clip(json, view);
      break;
    case Quantizer::kLwq:
      read_own_bits(json, view);
      break;
    case Quantizer::kLog:
      read_log(json, view);
      break;
    case Quantizer::kGroup:
      read_group(json, view);
      break;
    case Quantizer::kSign:
    case Quantizer::kNiti:
      break;
  }
  return view;
}

bool reads_layer_width(const ViewRule& view) {
  switch (view.quantizer) {
    case Quantizer::kMax:
    case Quantizer::kLwq:
      return view.bits == 0;
    case Quantizer::kNiti:
      return true;
    case Quantizer::kSawb:
    case Quantizer::kSign:
    case Quantizer::kRoundClip:
    case Quantizer::kStandardizedRoundClip:
    case Quantizer::kLog:
    case Quantizer::kGroup:
      return false;
  }
  return false;
}

}  // namespace bitloom
