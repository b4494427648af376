"""The check's own sentences. Everything else it says stands in the tables."""

from miz.knowledge.resolution import Question
from miz.wire.client_protocol import FindingKind, Severity


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
REACTION = N_("“{text}”: kind and time of the reaction are missing. It was judged as severe; please ask.")

LIMIT_TITLES: dict[FindingKind, str] = {
    "age": N_("minimum age"),
    "pregnancy": N_("pregnancy"),
    "lactation": N_("breast-feeding"),
    "renal": N_("kidney"),
    "hepatic": N_("liver"),
    "priscus": N_("from age 65 (PRISCUS)"),
}
LEVEL_ACTIONS: dict[Severity, str] = {
    "contraindicated": N_("Do not use; choose something else."),
    "warning": N_("Better avoided; only for a compelling reason."),
    "caution": N_("With care: lowest dose, shortest time."),
    "info": N_("Know it; no action needed as a rule."),
}
TOO_YOUNG = N_("The patient is younger than the drug data ask for: {age}.")
IN_PREGNANCY = N_("The patient is in week {week} of pregnancy.")
IN_LACTATION = N_("The patient is breast-feeding.")
AT_EGFR = N_("The eGFR is {egfr} ml/min/1.73 m².")
IN_LIVER = N_("A disease of the liver is recorded.")
PRISCUS = N_("On the PRISCUS list: may be unsuitable from age 65.")
PRISCUS_ACTION = N_("Prefer something else; do not stop on your own what others have prescribed.")
DUPLICATE_TITLE = N_("More than once: {names}")
DUPLICATE_PLANNED = N_("Give only one of them; count what the patient already takes.")
DUPLICATE_TAKEN = N_("Ask whether both are meant; discuss with the prescriber.")
DAY_TITLE = N_("{name}: too much in a day")
DAY_EXCEEDED = N_("All lines together are {total} a day, at most {most} are meant.")
DAY_UNKNOWN = N_("{name}: the doses of a day were not added up, as not every line tells its own: {texts}.")
INTOLERANT = N_("What is recorded is no allergy as told ({allergy}): {drug} is not refused for it.")
INTOLERANCE_ACTION = N_("Ask again what happened; it may come back as a side effect.")
AGE_MISSING = N_("The age is missing: minimum ages are not checked.")
WEEK_MISSING = N_("The week of pregnancy is missing: what depends on it is not checked. Please ask.")
PREGNANCY_MISSING = N_("Pregnancy was not asked for: it is not checked. Please ask.")
EGFR_MISSING = N_("The kidney function (eGFR) is missing: limits by it are not checked. Please ask.")
LIVER_STAGE_MISSING = N_("The stage of the liver disease (Child-Pugh) is missing: limits for severe disease are not checked. Please ask.")
MISSING_IN_BRIEF = {
    AGE_MISSING: N_("Age missing"),
    WEEK_MISSING: N_("Week of pregnancy missing"),
    PREGNANCY_MISSING: N_("Pregnancy not asked"),
    EGFR_MISSING: N_("Kidney function missing"),
    LIVER_STAGE_MISSING: N_("Stage of the liver disease missing"),
}

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
