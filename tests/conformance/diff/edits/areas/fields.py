"""Edits of a request's fields and of the rules between them."""

from __future__ import annotations

from edits.edit import B, C, Document, R, edit
from edits.places import each_field, fields, schema


@edit(B, "request.property.became-required")
def seed_is_required(d: Document) -> None:
    for form in fields(d):
        form["required"].append("seed")


@edit(C, "request.property.became-optional")
def prompt_is_optional(d: Document) -> None:
    for form in fields(d):
        form["required"].remove("prompt")


@edit(C, "request.property.added-optional")
def an_optional_field_comes(d: Document) -> None:
    for form in fields(d):
        form["properties"]["style"] = {"type": "string"}


@edit(B, "request.property.added-required")
def a_required_field_comes(d: Document) -> None:
    for form in fields(d):
        form["properties"]["style"] = {"type": "string"}
        form["required"].append("style")


@edit(B, "request.property.removed")
def mask_mode_is_removed(d: Document) -> None:
    for form in fields(d):
        del form["properties"]["mask_mode"]


@edit(B, "request.unknown-fields.refused")
def unknown_fields_are_refused(d: Document) -> None:
    for form in fields(d):
        form["additionalProperties"] = False


@edit(B, "request.range.narrowed")
def count_goes_to_five(d: Document) -> None:
    each_field(d, "count", maximum=5)


@edit(C, "request.range.widened")
def count_goes_to_twenty(d: Document) -> None:
    each_field(d, "count", maximum=20)


@edit(B, "request.range.changed")
def count_goes_from_two_to_twenty(d: Document) -> None:
    each_field(d, "count", minimum=2, maximum=20)


@edit(C)
def count_says_its_limits_in_other_words(d: Document) -> None:
    for form in fields(d):
        form["properties"]["count"] |= {"minimum": 1, "exclusiveMaximum": 10.5, "maximum": 10}


@edit(R, "request.default.changed")
def count_is_one_by_default(d: Document) -> None:
    each_field(d, "count", default=1)


@edit(B, "request.type.changed")
def count_is_a_text(d: Document) -> None:
    for form in fields(d):
        form["properties"]["count"] = {"type": "string", "default": 2, "description": "How many."}


@edit(C, "request.type.widened")
def count_may_be_a_text_too(d: Document) -> None:
    each_field(d, "count", type=["integer", "string"])


@edit(B, "request.multiple.narrowed")
def count_is_even(d: Document) -> None:
    each_field(d, "count", multipleOf=2)


@edit(C, "request.null.allowed")
def seed_may_be_null(d: Document) -> None:
    each_field(d, "seed", type=["integer", "null"])


@edit(B, "request.enum.value-removed")
def webp_is_no_longer_made(d: Document) -> None:
    schema(d, "Format")["enum"].remove("WEBP")


@edit(C, "request.enum.value-added")
def avif_is_made_too(d: Document) -> None:
    schema(d, "Format")["enum"].append("AVIF")


@edit(B, "request.length.narrowed")
def a_prompt_is_shorter(d: Document) -> None:
    each_field(d, "prompt", maxLength=1000)


@edit(B, "request.pattern.added")
def what_to_avoid_is_in_latin_letters(d: Document) -> None:
    each_field(d, "negative_prompt", pattern="^[A-Za-z ]*$")


@edit(B, "request.format.narrowed")
def an_id_is_a_uuid(d: Document) -> None:
    each_field(d, "image_id", format="uuid")


@edit(B, "request.length.narrowed", "request.rule.removed")
def data_addresses_are_no_longer_taken(d: Document) -> None:
    for form in fields(d):
        form["properties"]["image_url"]["anyOf"].pop()


@edit(C, "request.deprecation.added")
def a_seed_is_deprecated(d: Document) -> None:
    each_field(d, "seed", deprecated=True)


# One of three became one of two, and one of two became the one that is required.
@edit(B, "request.choice.changed", "request.property.became-required", "request.rule.removed")
def an_id_alone_is_no_image(d: Document) -> None:
    for form in fields(d):
        form["allOf"][0]["oneOf"].remove({"required": ["image_id"]})


@edit(C, "request.choice.widened", "request.property.added-optional")
def an_image_may_lie_in_a_bucket(d: Document) -> None:
    for form in fields(d):
        form["properties"]["image_s3"] = {"type": "string"}
        form["allOf"][0]["oneOf"].append({"required": ["image_s3"]})


@edit(C, "request.property.added-optional")
def a_mask_has_one_more_spelling(d: Document) -> None:
    for form in fields(d):
        form["properties"]["mask_s3"] = {"type": "string"}
        form["allOf"][1]["oneOf"].insert(0, {"required": ["mask_s3"]})
        form["allOf"][1]["oneOf"][-1]["not"]["anyOf"].append({"required": ["mask_s3"]})


@edit(B, "request.choice.narrowed")
def a_mask_is_required(d: Document) -> None:
    for form in fields(d):
        form["allOf"][1]["oneOf"].pop()


@edit(C, "request.rule.removed")
def any_number_of_masks_is_taken(d: Document) -> None:
    for form in fields(d):
        form["allOf"].pop()


@edit(B, "request.rule.added")
def an_unknown_kind_of_rule_comes(d: Document) -> None:
    for form in fields(d):
        form["propertyNames"] = {"maxLength": 20}


@edit(C)
def a_schema_moves_behind_a_reference(d: Document) -> None:
    d["components"]["schemas"]["Count"] = schema(d, "OutpaintForm")["properties"]["count"]
    for form in fields(d):
        form["properties"]["count"] = {"allOf": [{"$ref": "#/components/schemas/Count"}], "description": "How many."}


@edit(B, "request.property.removed")
def a_seed_is_no_part_of_a_request(d: Document) -> None:
    each_field(d, "seed", readOnly=True)


@edit(C)
def a_seed_is_no_part_of_an_answer(d: Document) -> None:
    each_field(d, "seed", writeOnly=True)


@edit(C, "request.property.added-optional", before=a_seed_is_no_part_of_a_request)
def a_seed_becomes_part_of_a_request(d: Document) -> None:
    each_field(d, "seed", readOnly=False)


def what_to_avoid_begins_somehow(d: Document) -> None:
    each_field(d, "negative_prompt", pattern="^[a-z]")


@edit(C, "request.pattern.removed", before=what_to_avoid_begins_somehow)
def a_pattern_takes_everything(d: Document) -> None:
    each_field(d, "negative_prompt", pattern=".*")
