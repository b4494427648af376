"""The check's own sentences. Everything else it says stands in the tables."""

from typing import Literal

from miz.knowledge.resolution import Question
from miz.wire.client_protocol import Severity

# checks of every drug that some patients need and that are not built yet
Unbuilt = Literal["age", "pregnancy", "lactation"]


def N_(message_id: str) -> str:  # noqa: N802 - the usual mark of a sentence for the catalogues
    """The id itself; it is translated where it is said."""
    return message_id


QUESTIONS: dict[Question, str] = {
    "strength": N_("“{text}”: the strength is missing. The more careful meaning was taken; please ask."),
    "form": N_("“{text}”: the dosage form is missing (gel, cream and eye drops act otherwise than tablets). It was judged like tablets."),
    "addition": N_("“{text}”: with or without vasoconstrictor is not stated. It was judged with epinephrine; please state it."),
    "time": N_("“{text}”: when it happened is missing. It was judged as recent; please ask."),
    "suffix": N_("“{text}”: the addition to the name was not judged."),
    "spelling": N_("“{text}” was taken for a typing error of the only name that is near. Please confirm or correct it."),
    "place": N_("“{text}”: taken where it acts, it acts otherwise than tablets. It was judged like tablets."),
    "partly": N_("“{text}” says more than was understood. Please enter each thing in a line of its own."),
    "ingredient": N_("“{text}” holds an ingredient of which the drug data say nothing; that part was not checked."),
}
NOT_RECOGNISED = {
    "medication": N_("Not checked: “{text}” is no entry of the drug data."),
    "planned": N_("Not checked: “{text}” is neither a known procedure nor a known drug."),
    "condition": N_("Not checked: the condition “{text}” is not in the drug data."),
    "allergy": N_("Not checked: the allergy “{text}” is not in the drug data."),
}
UNRESOLVED_TITLE = N_("Not recognised: {text}")
UNRESOLVED_EFFECT = N_("What is not recognised is not checked.")
UNRESOLVED_ACTION = N_("Check the spelling or check it by hand.")
MEANT = N_("Did you mean: {names}?")

OUT_OF_DATE = N_("The drug data are out of date.")
NOTHING_PLANNED = N_("Nothing is planned: the risks are general.")
MEDICATION_UNKNOWN = N_("Medication was not asked for: interactions with it are not checked.")
ALLERGIES_UNKNOWN = N_("Allergies were not asked for: they are not checked.")
ALLERGIES_UNAVAILABLE = N_("Allergies cannot be obtained: they are not checked.")
CONDITIONS_UNKNOWN = N_("Conditions were not asked for: they are not checked.")
REACTION = N_("Kind and time of an allergic reaction are not judged yet: every allergy counts as severe.")
AGE_65 = N_("Suitability from age 65 (PRISCUS) is not checked yet.")
UNBUILT: dict[Unbuilt, str] = {
    "age": N_("Minimum ages and doses for children are not checked yet."),
    "pregnancy": N_("Pregnancy is not checked by week yet."),
    "lactation": N_("Breast-feeding is not checked for every drug yet."),
}
KIDNEY = N_("Doses by kidney function (eGFR) are not checked yet.")
ANAESTHETIC = N_("The maximum dose of local anaesthetics is not computed yet.")
DUPLICATE = N_("Duplicates are only checked as far as a rule names them: {names} stands more than once.")
PROPHYLAXIS = N_("The drug and dose of a prophylaxis are not computed yet.")

AFFECTED: dict[Severity, str] = {
    "contraindicated": N_("Must not be used with: {condition}."),
    "warning": N_("Best avoided, or only after consultation, with: {condition}."),
    "caution": N_("With care with: {condition}."),
    "info": N_("To be known with: {condition}."),
}
AFFECTED_PROCEDURE: dict[Severity, str] = {
    "contraindicated": N_("Must not be done with: {condition}."),
    "warning": N_("Best postponed, or only after consultation, with: {condition}."),
    "caution": N_("With care with: {condition}."),
    "info": N_("To be known with: {condition}."),
}
PROPHYLAXIS_TITLE = N_("Endocarditis prophylaxis: {condition}")
PROPHYLAXIS_NEEDED = N_("{condition} and {procedure} together call for endocarditis prophylaxis.")
PROPHYLAXIS_CONSIDER = N_("{condition} and {procedure} together: consider endocarditis prophylaxis.")
ALLERGIC = N_("{drug} is covered by the recorded allergy: {allergy}.")
CROSS_REACTION = N_("{drug} may react across with the recorded allergy: {allergy}.")
ALLERGY_ACTIONS: dict[Severity, str] = {
    "contraindicated": N_("Do not use; choose something else."),
    "warning": N_("Avoid, or clarify with an allergist first."),
    "caution": N_("Ask for kind and time of the reaction; then with care."),
    "info": N_("Know it; no action needed as a rule."),
}
ALLERGY_TITLE = N_("{drug}: allergy to {allergy}")
ALLERGY_CAUSE = N_("Allergy: {allergy}")
CROSS_REACTION_CAUSE = N_("Cross-reaction with the allergy: {allergy}")

UNBUILT_IN_BRIEF: dict[Unbuilt, str] = {
    "age": N_("Minimum age not checked"),
    "pregnancy": N_("Week of pregnancy not checked"),
    "lactation": N_("Breast-feeding not checked"),
}
KIDNEY_IN_BRIEF = N_("Dose by kidney function not checked")
OUT_OF_DATE_IN_BRIEF = N_("Drug data out of date")
PART_UNKNOWN = N_("Part of the name not checked")
NO_RULE = N_("No rule in the data speaks against it")
MORE_CAUSES = N_("and more")
MEDICATION_NOT_ASKED = N_("Medication not asked")
ALLERGIES_NOT_ASKED = N_("Allergies not asked")
ALLERGIES_NOT_AVAILABLE = N_("Allergies not available")
HISTORY_NOT_ASKED = N_("History not asked")
NOT_IN_DRUG_DATA = N_("No entry of the drug data")
OF_PATIENT_NOT_RECOGNISED = N_("Not recognised: {names}")
